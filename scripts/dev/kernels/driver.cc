/**
 * The kernels without Node.js against plain loops in double precision, on random odd shapes and every instruction set of the
 * processor: for processors that only an emulator has.
 *
 *   driver [seed] [rounds]     exit status 1 with the first difference; prints what was compared
 *   driver wrong               as if the products were one per cent too large: has to fail
 */
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "dropoutGenerator.h"
#include "gemm.h"
#include "isa.h"
#include "parallel.h"
#include "scratch.h"

namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

std::mt19937_64 engine;
float spoil = 1.0f;
size_t compared = 0;

size_t upTo(size_t most) { return 1 + engine() % most; }

/** Normal deviates, by the sum of twelve uniform ones. */
Floats floats(size_t count) {
  Floats values(count);
  for (float& value : values) {
    double sum = -6.0;
    for (int i = 0; i < 12; i++) sum += static_cast<double>(engine() >> 11) / 9007199254740992.0;
    value = static_cast<float>(sum);
  }
  return values;
}

/** Each element within `tolerance` of its magnitude and the root mean square of all. */
void demandClose(const std::string& what, const Floats& found, const Doubles& expected, double tolerance = 2e-5) {
  double squares = 0.0;
  for (double value : expected) squares += value * value;
  const double level = std::sqrt(squares / static_cast<double>(expected.size() + 1));
  for (size_t i = 0; i < expected.size(); i++) {
    if (std::fabs(found[i] - expected[i]) <= tolerance * (std::fabs(expected[i]) + level + 0.1)) continue;
    std::fprintf(stderr, "%s on %s: element %zu is %g, expected %g\n", what.c_str(), isa().name, i, static_cast<double>(found[i]), expected[i]);
    std::exit(1);
  }
  compared += expected.size();
}

double activate(int activation, double x) {
  switch (activation) {
    case GEMM_GELU: return 0.5 * x * (1.0 + std::erf(x / std::sqrt(2.0)));
    case GEMM_GELU_NEW: return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case GEMM_RELU: return x > 0 ? x : 0;
    case GEMM_TANH: return std::tanh(x);
    default: return x;
  }
}

void checkGemm(size_t m, size_t n, size_t k, bool transA, bool transB) {
  const Floats a = floats(m * k), b = floats(k * n), bias = floats(n);
  const int activation = static_cast<int>(engine() % 5) - 1;
  // Scaled, so that activations stay where they are curved.
  const float scale = 1.0f / std::sqrt(static_cast<float>(k));
  Floats scaled(a), c(m * n), sums(n);
  for (float& value : scaled) value *= scale;
  Doubles expected(m * n), expectedSums(n);
  for (size_t i = 0; i < m; i++) {
    for (size_t j = 0; j < n; j++) {
      double sum = bias[j];
      for (size_t p = 0; p < k; p++) sum += static_cast<double>(scaled[transA ? p * m + i : i * k + p]) * b[transB ? j * k + p : p * n + j];
      expected[i * n + j] = activate(activation, sum);
      expectedSums[j] += expected[i * n + j];
    }
  }
  GemmEpilogue epilogue;
  epilogue.bias = bias.data();
  epilogue.activation = activation;
  gemm(transA, transB, m, n, k, scaled.data(), transA ? m : k, b.data(), transB ? k : n, c.data(), n, false, &epilogue);
  for (float& value : c) value *= spoil;
  const std::string what = "product " + std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k);
  demandClose(what, c, expected);
  gemmColumnSums(c.data(), n, m, n, sums.data(), false);
  demandClose("column sums of " + what, sums, expectedSums);
}

void checkAttention(size_t length, size_t heads, size_t dim, double rate) {
  const size_t hidden = heads * dim, width = 3 * hidden;
  const Floats qkv = floats(length * width), dout = floats(length * hidden);
  Floats out(length * hidden), lse(length * heads), dqkv(length * width);
  Doubles expected(length * hidden), gradient(length * width);
  const uint32_t key = static_cast<uint32_t>(engine()), threshold = dropThreshold(rate);
  const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
  for (size_t h = 0; h < heads; h++) {
    const auto at = [&](size_t token, size_t part, size_t d) { return token * width + part * hidden + h * dim + d; };
    for (size_t i = 0; i < length; i++) {
      Doubles p(length), dp(length), mask(length, 1.0);
      double total = 0.0, mean = 0.0;
      for (size_t j = 0; j < length; j++) {
        for (size_t d = 0; d < dim; d++) p[j] += static_cast<double>(qkv[at(i, 0, d)]) * qkv[at(j, 1, d)] * scale;
        total += p[j] = std::exp(p[j]);
        if (rate > 0) mask[j] = dropFactor(dropRowKey(key, static_cast<uint32_t>(i * heads + h)), static_cast<uint32_t>(j), threshold, dropScale(rate));
      }
      for (size_t j = 0; j < length; j++) {
        p[j] /= total;
        for (size_t d = 0; d < dim; d++) {
          const double upper = dout[i * hidden + h * dim + d];
          expected[i * hidden + h * dim + d] += p[j] * mask[j] * qkv[at(j, 2, d)];
          dp[j] += upper * qkv[at(j, 2, d)] * mask[j];
          gradient[at(j, 2, d)] += p[j] * mask[j] * upper;
        }
        mean += p[j] * dp[j];
      }
      for (size_t j = 0; j < length; j++) {
        const double ds = p[j] * (dp[j] - mean) * scale;
        for (size_t d = 0; d < dim; d++) {
          gradient[at(i, 0, d)] += ds * qkv[at(j, 1, d)];
          gradient[at(j, 1, d)] += ds * qkv[at(i, 0, d)];
        }
      }
    }
    AttentionTask task = {};
    task.length = task.queries = length;
    task.headDim = dim;
    task.queryStride = task.keyValueStride = width;
    task.query = qkv.data() + h * dim;
    task.key = task.query + hidden;
    task.value = task.key + hidden;
    task.out = out.data() + h * dim;
    task.dout = dout.data() + h * dim;
    task.outStride = hidden;
    task.lse = lse.data() + h;
    task.lseStride = heads;
    task.dquery = dqkv.data() + h * dim;
    task.dkey = task.dquery + hidden;
    task.dvalue = task.dkey + hidden;
    task.dropKey = key;
    task.firstRow = static_cast<uint32_t>(h);
    task.rowStep = static_cast<uint32_t>(heads);
    task.threshold = threshold;
    task.dropScale = dropScale(rate);
    isa().attention.forward(&task, bertwright::scratchFloats(bertwright::Scratch::attention, attentionForwardScratch(length, length, dim)));
    isa().attention.backward(&task, bertwright::scratchFloats(bertwright::Scratch::attention, attentionBackwardScratch(length, length, dim)));
  }
  const std::string what = "attention of " + std::to_string(length) + " tokens, " + std::to_string(heads) + " heads of " + std::to_string(dim);
  demandClose(what, out, expected);
  demandClose("gradient of " + what, dqkv, gradient);
}

void checkLayerNorm(size_t cols, double rate) {
  const Floats x = floats(cols), residual = floats(cols), gamma = floats(cols), beta = floats(cols), dy = floats(cols);
  Floats y(cols), xhat(cols), dx(cols), dresidual(cols), dgamma(cols), dbeta(cols);
  const RowDropout dropout = {static_cast<uint32_t>(engine()), dropThreshold(rate), dropScale(rate)};
  const double epsilon = 0.01;
  Doubles z(cols), mask(cols, 1.0), expected(cols), expectedDx(cols), expectedDresidual(cols), expectedDgamma(cols);
  double mean = 0.0, variance = 0.0, meanG = 0.0, meanGx = 0.0;
  const double count = static_cast<double>(cols);
  for (size_t c = 0; c < cols; c++) {
    if (rate > 0) mask[c] = dropFactor(dropout.rowKey, static_cast<uint32_t>(c), dropout.threshold, dropout.scale);
    z[c] = residual[c] + mask[c] * x[c];
    mean += z[c] / count;
  }
  for (size_t c = 0; c < cols; c++) variance += (z[c] - mean) * (z[c] - mean) / count;
  const double rstd = 1.0 / std::sqrt(variance + epsilon);
  for (size_t c = 0; c < cols; c++) {
    z[c] = (z[c] - mean) * rstd;
    expected[c] = z[c] * gamma[c] + beta[c];
    meanG += static_cast<double>(dy[c]) * gamma[c] / count;
    meanGx += dy[c] * gamma[c] * z[c] / count;
    expectedDgamma[c] = dy[c] * z[c];
  }
  for (size_t c = 0; c < cols; c++) {
    expectedDresidual[c] = rstd * (static_cast<double>(dy[c]) * gamma[c] - meanG - z[c] * meanGx);
    expectedDx[c] = expectedDresidual[c] * mask[c];
  }
  const float found = isa().layerNorm.forwardRow(x.data(), residual.data(), gamma.data(), beta.data(), y.data(), xhat.data(), cols, static_cast<float>(epsilon), dropout);
  isa().layerNorm.backwardRow(dy.data(), xhat.data(), found, gamma.data(), dx.data(), dresidual.data(), dgamma.data(), dbeta.data(), cols, dropout);
  const std::string what = "layer norm of " + std::to_string(cols);
  demandClose(what, y, expected);
  demandClose(what + ", dx", dx, expectedDx);
  demandClose(what + ", dresidual", dresidual, expectedDresidual);
  demandClose(what + ", dgamma", dgamma, expectedDgamma);
  demandClose(what + ", dbeta", dbeta, Doubles(dy.begin(), dy.end()));
}

void checkOptimizer(size_t count) {
  Floats p = floats(count), m(count), v(count);
  const Floats g = floats(count);
  Doubles expected(p.begin(), p.end()), first(count), second(count);
  const AdamWConstants k = {0.5f, 0.9f, 0.1f, 0.99f, 0.01f, 1e-2f, 1.1f, 1e-3f, 1e-4f};
  double squares = 0.0;
  for (size_t i = 0; i < count; i++) squares += static_cast<double>(g[i]) * g[i];
  for (int step = 0; step < 3; step++) {
    isa().optimizer.adamw(p.data(), g.data(), m.data(), v.data(), count, &k);
    for (size_t i = 0; i < count; i++) {
      const double gradient = static_cast<double>(g[i]) * k.gradScale;
      first[i] = k.beta1 * first[i] + k.oneMinusBeta1 * gradient;
      second[i] = k.beta2 * second[i] + k.oneMinusBeta2 * gradient * gradient;
      expected[i] -= k.stepSize * first[i] / (std::sqrt(second[i]) * k.inverseRootCorrection2 + k.epsilon) + k.decay * expected[i];
    }
  }
  const std::string what = "AdamW of " + std::to_string(count);
  demandClose(what, p, expected, 1e-6);
  demandClose(what + ", second moments", v, second, 1e-6);
  demandClose("sum of squares of " + std::to_string(count), {static_cast<float>(isa().optimizer.sumOfSquares(g.data(), count))}, {squares}, 1e-6);
}

void checkCrossEntropy(size_t count) {
  Floats logits = floats(count);
  const size_t label = engine() % count;
  Doubles expected(logits.begin(), logits.end());
  double total = 0.0;
  size_t best = 0;
  for (size_t i = 0; i < count; i++) {
    if (logits[i] > logits[best]) best = i;
    total += std::exp(expected[i]);
  }
  const double loss = std::log(total) - expected[label], scale = 0.7;
  for (size_t i = 0; i < count; i++) expected[i] = scale * (std::exp(expected[i]) / total - (i == label ? 1.0 : 0.0));
  int correct = -1;
  Floats softmax(count);
  isa().reduce.softmaxRow(logits.data(), softmax.data(), count);
  const float found = isa().gemm.crossEntropyRow(logits.data(), count, label, static_cast<float>(scale), 1, &correct);
  const std::string what = "cross-entropy of " + std::to_string(count);
  demandClose(what, {found, static_cast<float>(correct)}, {loss, best == label ? 1.0 : 0.0});
  demandClose("gradient of " + what, logits, expected, 2e-6);
  for (size_t i = 0; i < count; i++) expected[i] = expected[i] / scale + (i == label ? 1.0 : 0.0);
  demandClose("softmax of " + std::to_string(count), softmax, expected, 2e-6);
}

void checkAll(size_t rounds) {
  for (size_t round = 0; round < rounds; round++) {
    for (const auto& [transA, transB] : {std::pair{false, false}, std::pair{false, true}, std::pair{true, false}}) {
      checkGemm(upTo(40), upTo(40), upTo(40), transA, transB);
      // Past a tile, a panel and a block of each extent in turn.
      const size_t wide = engine() % 3;
      checkGemm(wide == 0 ? 200 + upTo(400) : upTo(9), wide == 1 ? 200 + upTo(900) : upTo(9), wide == 2 ? 500 + upTo(900) : upTo(30), transA, transB);
    }
    const double rate = round % 2 == 0 ? 0.0 : 0.3;
    checkAttention(upTo(40), upTo(3), upTo(20), rate);
    checkAttention(upTo(180), 1, upTo(5), rate);
    checkLayerNorm(upTo(70), rate);
    checkOptimizer(upTo(90));
    checkCrossEntropy(upTo(90));
    checkCrossEntropy(500 + upTo(900));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "1";
  if (first == "wrong") spoil = 1.01f;
  engine.seed(std::strtoull(first.c_str(), nullptr, 10));
  for (const char* const* name = isaAvailable(); *name != nullptr; name++) {
    isaChoose(*name);
    for (size_t threads = 1; threads <= 2; threads++) {
      bertwright::setThreadCount(threads);
      checkAll(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 12);
    }
    std::printf("%s: %zu numbers compared\n", *name, compared);
    compared = 0;
  }
  return 0;
}
