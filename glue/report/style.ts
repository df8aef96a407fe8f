/** The report's style sheet: system fonts, two colour schemes, tables that scroll inside themselves on a narrow screen. */
export const reportStyle = `
:root { --text: #1c2733; --muted: #56636f; --page: #ffffff; --panel: #f4f6f8; --line: #d5dbe1; --accent: #0b5cad;
  --s0: #0b5cad; --s1: #c2410c; --s2: #15803d; --s3: #7e22ce; --s4: #b91c5c; --s5: #0f766e; --base: #6b7785; }
@media (prefers-color-scheme: dark) { :root { --text: #e6ebf0; --muted: #a3b0bd; --page: #12181f; --panel: #1b232c; --line: #33404d; --accent: #7ab8ff;
  --s0: #7ab8ff; --s1: #ff9d66; --s2: #6fd08c; --s3: #c9a2ff; --s4: #ff8fb8; --s5: #5fd4c8; --base: #93a1af; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 88rem; margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 3rem) 4rem; }
header p { color: var(--muted); margin: 0; }
h1 { font-size: clamp(1.6rem, 4vw, 2.3rem); line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.2rem 0 .6rem; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .6rem; max-width: 100%; }
.scroll:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .55rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); vertical-align: baseline; }
thead th { border-top: 0; background: var(--panel); font-weight: 600; vertical-align: bottom; }
thead th { white-space: normal; min-width: 4.2rem; }
thead small { display: block; font-weight: 400; color: var(--muted); }
tbody th { font-weight: 500; }
th button { all: unset; cursor: pointer; display: inline-block; } th button:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 2px; }
th[aria-sort] button::after { content: " ▲"; font-size: .7em; color: var(--accent); } th[aria-sort=descending] button::after { content: " ▼"; }
.number { text-align: right; }
.best { font-weight: 700; }
.missing { color: var(--muted); } .note { white-space: normal; }
.leaderboard tr > th:first-child { position: sticky; left: 0; background: var(--page); min-width: 9.5rem; max-width: 17rem; white-space: normal; z-index: 1; }
.leaderboard thead tr > th:first-child { background: var(--panel); }
.leaderboard .group th { background: var(--panel); color: var(--muted); font-size: .82rem; font-weight: 600; letter-spacing: .03em; padding-block: .35rem; max-width: none; position: static; }
.leaderboard .group span { position: sticky; left: .75rem; }
.legend, figcaption { color: var(--muted); font-size: .88rem; margin: .6rem 0; }
details { margin: .6rem 0; }
summary { cursor: pointer; color: var(--accent); }
dt { font-weight: 600; margin-top: .5rem; } dd { margin: 0; }
figure { margin: 0; max-width: 38rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--text); font-size: 14px; font-family: inherit; } svg .tick { fill: var(--muted); font-size: 12px; }
.grid { stroke: var(--line); stroke-width: 1; stroke-dasharray: 2 4; } .axis { stroke: var(--line); stroke-width: 2; }
.system { stroke: var(--page); stroke-width: 2; } .majority, .bar { fill: var(--base); background: var(--base); }
.s0 { fill: var(--s0); background: var(--s0); } .s1 { fill: var(--s1); background: var(--s1); } .s2 { fill: var(--s2); background: var(--s2); }
.s3 { fill: var(--s3); background: var(--s3); } .s4 { fill: var(--s4); background: var(--s4); } .s5 { fill: var(--s5); background: var(--s5); }
polyline { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; } .faint { stroke-width: 1.4; opacity: .6; }
line.level { stroke: var(--base); stroke-width: 2; stroke-dasharray: 7 5; }
.c0 { stroke: var(--s0); --own: var(--s0); } .c1 { stroke: var(--s1); --own: var(--s1); } .c2 { stroke: var(--s2); --own: var(--s2); }
.c3 { stroke: var(--s3); --own: var(--s3); } .c4 { stroke: var(--s4); --own: var(--s4); } .c5 { stroke: var(--s5); --own: var(--s5); }
svg .name { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.point { fill: var(--own); stroke: var(--page); stroke-width: 1.2; }
.curves figure { max-width: none; } .curves h3 { margin: 1rem 0 .3rem; } .curves > figure { overflow-x: auto; } .curves > figure svg { min-width: 44rem; }
.curves .small { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: .4rem 2rem; margin-bottom: 1.6rem; }
.switch > input { accent-color: var(--accent); } .switch > label { margin: 0 1.2rem 0 .35rem; }
.switch > .by-time, #by-time:checked ~ .by-step { display: none; } #by-time:checked ~ .by-time { display: block; }
.matrices { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 1rem 1.6rem; } .matrices figure { max-width: 26rem; }
.cell { fill: var(--s0); stroke: var(--line); stroke-width: .5; } svg .in { font-size: 13px; } svg .in.on { fill: var(--page); }
.scroll.fit { width: fit-content; } .figures { width: auto; } .figures th:first-child { white-space: normal; min-width: 14rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; list-style: none; margin: .2rem 0 .6rem; padding: 0; font-size: .9rem; }
.key li { display: flex; align-items: center; gap: .45rem; }
.dot { width: .8rem; height: .8rem; border-radius: 50%; } .bar { width: .28rem; height: 1.1rem; }
.stroke { width: 1.4rem; height: 0; border-top: 3px solid var(--own, var(--muted)); } .stroke.level { border-top: 3px dashed var(--base); }
.stroke.thin { border-top-width: 1px; } .stroke.dotted { border-top: 6px dotted var(--muted); }
pre { overflow-x: auto; background: var(--panel); border-radius: .6rem; padding: .9rem; font-size: .85rem; white-space: pre-wrap; overflow-wrap: anywhere; }
li { overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; } main { max-width: none; padding: 0; } .scroll { overflow: visible; border: 0; } table { font-size: .7rem; } th, td { padding: .25rem .35rem; } section { break-inside: avoid; } }
`;
