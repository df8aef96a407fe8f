"""Writes glue/fixtures/metrics.json: seeded random and degenerate cases with the values of scikit-learn and scipy.

Run:   python scripts/goldens/makeMetricFixtures.py glue/fixtures/metrics.json
Needs: pip install scikit-learn scipy numpy   (seconds; the fixture names the versions it was made with)

A case has predictions, references and, by the name that result files use, what is expected: a number, or "undefined"
where scikit-learn warns that the metric is ill-defined and where scipy refuses the input, warns that it is constant, or
gives NaN. (Matthews correlation is never undefined in scikit-learn: it is 0 by definition where a side is constant.)
Values that JSON cannot hold stand as "NaN" and "Infinity". Long columns are not written out but made from whole numbers,
as `sequence` does.

Pearson's correlation is also computed in rational arithmetic, and scipy must agree with it to 5e-13. Where scipy itself
warns that its value is inaccurate (nearly constant input), the exact value is what is expected, and the case says by how
much scipy is off.
"""
import json
import math
import platform
import sys
import warnings
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

getcontext().prec = 60
random = np.random.default_rng(20180419)
cases = []


def classification(metric, predictions, references):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = float(metric(references, predictions))
    ill_defined = any(issubclass(warning.category, UndefinedMetricWarning) for warning in caught)
    return "undefined" if ill_defined or math.isnan(value) else value


def correlation(metric, predictions, references):
    """The value, and whether scipy calls it inaccurate."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = float(metric(predictions, references).statistic)
        except ValueError:
            return "undefined", False
    if math.isnan(value) or any(issubclass(warning.category, stats.ConstantInputWarning) for warning in caught):
        return "undefined", False
    return value, any(issubclass(warning.category, stats.NearConstantInputWarning) for warning in caught)


def exact_pearson(predictions, references):
    x, y = [[Fraction(float(value)) for value in side] for side in (predictions, references)]
    n = len(x)
    covariance = n * sum(a * b for a, b in zip(x, y)) - sum(x) * sum(y)
    squares = [n * sum(a * a for a in side) - sum(side) ** 2 for side in (x, y)]
    root = (decimal(squares[0]) * decimal(squares[1])).sqrt()
    return float(decimal(covariance) / root)


def decimal(fraction):
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def plain(values):
    return [value if isinstance(value, int) or math.isfinite(value) else ("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")
            for value in np.asarray(values).tolist()]


def classes(name, predictions, references, binary=False):
    expected = {
        "accuracy": classification(accuracy_score, predictions, references),
        "matthews_correlation": classification(matthews_corrcoef, predictions, references),
    }
    if binary:
        expected["f1"] = classification(f1_score, predictions, references)
    cases.append({"name": name, "expected": expected, "predictions": plain(predictions), "references": plain(references)})


def scores(name, predictions, references, columns=None):
    pearson, inaccurate = correlation(stats.pearsonr, predictions, references)
    spearman, _ = correlation(stats.spearmanr, predictions, references)
    case = {"name": name, "expected": {"pearson": pearson, "spearmanr": spearman}}
    if pearson != "undefined":
        exact = exact_pearson(predictions, references)
        if inaccurate:
            case["expected"]["pearson"] = exact
            case["scipyOff"] = abs(pearson - exact)
        elif abs(pearson - exact) > 5e-13:
            sys.exit(f"{name}: scipy gives {pearson}, exactly it is {exact}")
    cases.append({**case, **(columns or {"predictions": plain(predictions), "references": plain(references)})})


def sequence(rows, factor, modulus, step, start):
    """Value i is start + step * ((factor * i * i + i) mod modulus), exact in float64 for the numbers used below."""
    return [start + step * ((factor * i * i + i) % modulus) for i in range(rows)]


def long_scores(name, rows, predictions, references):
    columns = {"rows": rows, "predictionSequence": predictions, "referenceSequence": references}
    scores(name, *[sequence(rows, side["factor"], side["modulus"], side["step"], side["start"]) for side in (predictions, references)], columns)


# Two classes.
for rows, share, agreement in [(2, 0.5, 0.5), (3, 0.5, 0.5), (7, 0.4, 0.8), (33, 0.3, 0.7), (100, 0.684, 0.85), (277, 0.5, 0.55), (408, 0.684, 0.9), (500, 0.02, 0.97)]:
    references = (random.random(rows) < share).astype(int)
    predictions = np.where(random.random(rows) < agreement, references, 1 - references)
    classes(f"two classes, {rows} random rows", predictions, references, binary=True)
some = (random.random(41) < 0.4).astype(int)
zeros, ones = np.zeros_like(some), np.ones_like(some)
for name, predictions, references in [
    ("one row, right, positive", [1], [1]), ("one row, right, negative", [0], [0]),
    ("one row, a false positive", [1], [0]), ("one row, a miss", [0], [1]),
    ("two classes, perfect", some, some), ("two classes, inverted", 1 - some, some),
    ("no positive anywhere", zeros, zeros), ("nothing but positives", ones, ones),
    ("no positive among the references", some, zeros), ("no positive among the predictions", zeros, some),
    ("always positive", ones, some), ("only positives among the references", some, ones),
    ("all positive against all negative", ones, zeros), ("all negative against all positive", zeros, ones),
    ("one true positive", np.eye(1, 41, 5, dtype=int)[0], np.eye(1, 41, 5, dtype=int)[0]),
    ("one positive each, on different rows", np.eye(1, 41, 5, dtype=int)[0], np.eye(1, 41, 6, dtype=int)[0]),
]:
    classes(name, predictions, references, binary=True)

# More classes.
for number, rows, agreement in [(3, 5, 0.5), (3, 64, 0.05), (3, 300, 0.84), (7, 90, 0.6), (40, 400, 0.7), (150, 200, 0.5)]:
    references = random.integers(0, number, rows)
    predictions = np.where(random.random(rows) < agreement, references, random.integers(0, number, rows))
    classes(f"{number} classes, {rows} random rows", predictions, references)
three = random.integers(0, 3, 60)
for name, predictions, references in [
    ("three classes, perfect", three, three), ("three classes, each taken for the next", (three + 1) % 3, three),
    ("three classes, constant predictions", np.full(60, 2), three), ("three classes, constant references", three, np.full(60, 1)),
    ("constant and equal, class 2", np.full(5, 2), np.full(5, 2)), ("classes that the other side lacks", np.where(three == 0, 7, 9), three),
    ("one row of class 3", [3], [3]), ("every row its own class", np.arange(30), np.arange(30)[::-1].copy()),
    ("one row in a thousand is wrong", np.eye(1, 1000, 17, dtype=int)[0], np.zeros(1000, dtype=int)),
]:
    classes(name, predictions, references)

# Scores.
for rows, noise in [(2, 1.0), (3, 1.0), (5, 1.0), (10, 0.1), (50, 1.0), (150, 0.5), (150, 20.0), (300, 0.01)]:
    references = np.round(random.random(rows) * 5, 3)
    scores(f"{rows} random scores, noise {noise}", references + noise * random.standard_normal(rows), references)
steps = np.round(random.random(120) * 25) / 5
scores("many ties on both sides", np.round(steps + random.standard_normal(120)), steps)
scores("two values only, a tie of everything else", (random.random(60) < 0.1).astype(float), (random.random(60) < 0.5).astype(float))
scores("float32 outputs", (steps + random.standard_normal(120)).astype(np.float32).astype(float), steps)
x, y = random.standard_normal(40), random.standard_normal(40)
ordered = np.sort(x)
for name, predictions, references in [
    ("one row", [2.5], [1.0]), ("two rows, rising", [1.0, 2.0], [-3.0, 7.5]), ("two rows, falling", [1.0, 2.0], [3.0, 2.999]),
    ("two rows a last bit apart", [1.0, 1.0 + 2.0**-52], [0.0, 5.0]), ("two rows, one side constant", [1.0, 1.0], [0.0, 5.0]),
    ("constant predictions", np.full(40, 0.1), x), ("constant references", x, np.full(40, 0.1)), ("both constant", np.full(7, 0.1), np.full(7, 3.0)),
    ("constant and huge", np.full(9, 1e308), x[:9]), ("zeros of both signs", np.array([0.0, -0.0, 0.0, -0.0]), x[:4]),
    ("constant but for one row", np.where(np.arange(40) == 7, 0.3, 0.1), x), ("constant but for a last bit", np.where(np.arange(40) == 7, np.nextafter(0.1, 1), 0.1), x),
    ("perfect", x, x), ("perfect, scaled and shifted", 3 * x - 7, x), ("inverted", -x, x), ("rising but not straight", np.exp(3 * ordered), ordered), ("falling but not straight", -ordered**3, ordered),
    ("uncorrelated by symmetry", np.array([-2.0, -1, 0, 1, 2]), np.array([4.0, 1, 0, 1, 4])),
    ("huge", x * 1e300, y * 1e305), ("huge against tiny", x * 1e305, (x + y) * 1e-300), ("tiny", (x - y) * 1e-290, y * 1e-300),
    ("one outlier of 1e150", np.where(np.arange(40) == 3, 1e150, x), y), ("of all magnitudes", 10.0 ** np.linspace(-300, 300, 40), y), ("of all magnitudes, both", 10.0 ** np.linspace(-300, 300, 40), 10.0 ** np.linspace(-200, 200, 40) * np.sign(y)),
    ("far from zero, 1e6", 1e6 + x, 1e6 + x + y), ("far from zero, 1e10", 1e10 + x, -1e10 + x + y), ("far from zero, 1e13, nearly constant", 1e13 + x, x + y), ("far from zero on both sides, 1e14", 1e14 + 3 * x, 1e14 + 3 * x + y),
    ("huge and nearly constant", 1e300 * (1 + 1e-14 * np.arange(40)), x),
    ("a NaN among the predictions", np.where(np.arange(9) == 4, np.nan, x[:9]), y[:9]), ("nothing but NaN", np.full(4, np.nan), y[:4]), ("a NaN among the references", x[:9], np.where(np.arange(9) == 4, np.nan, y[:9])),
    ("an infinity among the predictions", np.where(np.arange(9) == 4, np.inf, x[:9]), y[:9]), ("infinities of both signs", np.array([np.inf, 1.0, -np.inf, 2.0]), y[:4]), ("nothing but infinities", np.full(4, np.inf), y[:4]),
]:
    scores(name, predictions, references)
long_scores("100000 rows", 100000, {"factor": 7, "modulus": 10007, "step": 0.125, "start": 3}, {"factor": 11, "modulus": 10007, "step": 0.25, "start": -900})
long_scores("60000 rows far from zero", 60000, {"factor": 3, "modulus": 101, "step": 0.015625, "start": 1048576}, {"factor": 3, "modulus": 103, "step": 0.5, "start": 4096})
long_scores("50000 rows, all ties", 50000, {"factor": 5, "modulus": 3, "step": 1, "start": 0}, {"factor": 2, "modulus": 7, "step": 0.1, "start": 0})

versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
lines = ",\n".join(json.dumps(case, allow_nan=False, separators=(",", ":")) for case in cases)
Path(sys.argv[1]).write_text(f'{{"madeBy":"scripts/goldens/makeMetricFixtures.py","versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n')
for case in cases:
    print({key: value for key, value in case.items() if key in ("name", "expected", "scipyOff")})
