/** Host values into variables. */
import * as tf from '@tensorflow/tfjs';

/** Gives a variable new values, in its own shape. They are copied: some backends keep the array they are given, and updates write into it. */
export function assignValues(variable: tf.Variable, values: Float32Array): void {
  const tensor = tf.tensor(new Float32Array(values), variable.shape, 'float32');
  variable.assign(tensor);
  tensor.dispose();
}
