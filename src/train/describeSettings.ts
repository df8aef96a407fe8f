/** The resolved settings of a run as one line for its log. */

type SettingValue = string | number | boolean | null | undefined | readonly SettingValue[] | { readonly [key: string]: SettingValue };

/** `batch-size 32, masking (mlm-probability 0.15, …)`: keys spelled as flags, groups in parentheses; what is not set is left out. */
export function describeSettings(settings: { readonly [key: string]: SettingValue }): string {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${valueText(value)}`)
    .join(', ');
}

function valueText(value: SettingValue): string {
  if (value === Number.POSITIVE_INFINITY) return 'unlimited';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? value.map(valueText).join(' ') : `(${describeSettings(value as { readonly [key: string]: SettingValue })})`;
}
