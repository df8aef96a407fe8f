"""Writes tiny TensorFlow checkpoints with Google BERT's variable names, and what each becomes in Hugging Face's names.

Run:   python scripts/goldens/makeTensorFlowCheckpoint.py src/checkpoint/fixtures
Needs: pip install tensorflow-cpu safetensors; made with tensorflow 2.21.0, numpy 2.4.6, safetensors 0.8.0.
Each checkpoint is written by TensorFlow's own Saver in a folder of its own:
  tf-pretrained  bert_model.ckpt with both pre-training heads, adam_m and adam_v, global_step
  tf-finetuned   model.ckpt-17 with a classifier of 3 labels, the optimizer's slots as TensorFlow names unnamed ones
  tf-sharded     tf-pretrained's encoder in two data files
  tf-kinds       one variable of each dtype, one partitioned variable, a string: kinds.ckpt
expected.safetensors beside each of the first two holds the tensors under Hugging Face's names, renamed and transposed here
with numpy. Where torch and transformers 4 can be imported as well, tf-pretrained is compared with what transformers itself
loads from TensorFlow's files (load_tf_weights_in_bert), and any difference ends the script; with torch 2.15.0 and
transformers 4.57.6 there was none. tf-finetuned is not: transformers cannot load a classifier from TensorFlow's files.
Seconds on a CPU.
"""
import json
import sys
from pathlib import Path

try:
    # Before tensorflow: the other way round their copies of LLVM abort the process.
    import torch
    from transformers import BertConfig, BertForPreTraining
    from transformers.models.bert.modeling_bert import load_tf_weights_in_bert
except ImportError as error:
    torch = None
    print(f"no comparison with transformers: {error}")

import numpy as np
import tensorflow as tf
from safetensors.numpy import save_file

v1 = tf.compat.v1
HIDDEN, LAYERS, HEADS, INTERMEDIATE, VOCABULARY, POSITIONS, TYPES, LABELS = 8, 2, 2, 16, 20, 12, 2, 3
CONFIG = {"attention_probs_dropout_prob": 0.1, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": HIDDEN,
          "initializer_range": 0.02, "intermediate_size": INTERMEDIATE, "max_position_embeddings": POSITIONS,
          "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "type_vocab_size": TYPES, "vocab_size": VOCABULARY}


def dense(name, inputs, outputs):
    return {f"{name}/kernel": (inputs, outputs), f"{name}/bias": (outputs,)}


def norm(name):
    return {f"{name}/gamma": (HIDDEN,), f"{name}/beta": (HIDDEN,)}


def encoder_shapes():
    shapes = {"bert/embeddings/word_embeddings": (VOCABULARY, HIDDEN), "bert/embeddings/position_embeddings": (POSITIONS, HIDDEN),
              "bert/embeddings/token_type_embeddings": (TYPES, HIDDEN), **norm("bert/embeddings/LayerNorm")}
    for layer in range(LAYERS):
        at = f"bert/encoder/layer_{layer}"
        for part in ["query", "key", "value"]:
            shapes |= dense(f"{at}/attention/self/{part}", HIDDEN, HIDDEN)
        shapes |= dense(f"{at}/attention/output/dense", HIDDEN, HIDDEN) | norm(f"{at}/attention/output/LayerNorm")
        shapes |= dense(f"{at}/intermediate/dense", HIDDEN, INTERMEDIATE)
        shapes |= dense(f"{at}/output/dense", INTERMEDIATE, HIDDEN) | norm(f"{at}/output/LayerNorm")
    return shapes | dense("bert/pooler/dense", HIDDEN, HIDDEN)


PRETRAINING_HEADS = {"cls/predictions/output_bias": (VOCABULARY,), **dense("cls/predictions/transform/dense", HIDDEN, HIDDEN),
                     **norm("cls/predictions/transform/LayerNorm"), "cls/seq_relationship/output_weights": (2, HIDDEN),
                     "cls/seq_relationship/output_bias": (2,)}
CLASSIFIER = {"output_weights": (LABELS, HIDDEN), "output_bias": (LABELS,)}


def random_values(shapes, seed):
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def hugging_face(name, value):
    """The name and value by transformers' rules, part by part of the path."""
    words = []
    for part in name.split("/"):
        if part.startswith("layer_"):
            words += ["layer", part[len("layer_"):]]
        elif part in ("kernel", "gamma", "output_weights"):
            words.append("weight")
        elif part in ("beta", "output_bias"):
            words.append("bias")
        else:
            words.append(part)
    if name.endswith("_embeddings"):
        words.append("weight")
    if "/" not in name:
        words.insert(0, "classifier")
    return ".".join(words), np.ascontiguousarray(value.T) if name.endswith("/kernel") else value


def save(prefix, variables, sharded=False):
    """variables: name to value, or to a function that makes the variable."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default():
        for index, (name, value) in enumerate(variables.items()):
            with tf.device(f"/job:localhost/task:0/device:CPU:{index % 2}" if sharded else None):
                value() if callable(value) else v1.get_variable(name, initializer=value, use_resource=False)
        saver = v1.train.Saver(v1.global_variables(), sharded=sharded, write_version=v1.train.SaverDef.V2)
        with v1.Session(config=v1.ConfigProto(device_count={"CPU": 2})) as session:
            session.run(v1.global_variables_initializer())
            saver.save(session, str(prefix), write_meta_graph=False, write_state=False)


def save_bert(prefix, weights, others):
    save(prefix, weights | others)
    (prefix.parent / "bert_config.json").write_text(json.dumps(CONFIG, indent=2) + "\n")
    expected = dict(hugging_face(name, value) for name, value in weights.items())
    save_file(expected, prefix.parent / "expected.safetensors")
    return expected


def compare_with_transformers(prefix, expected):
    config = BertConfig(**CONFIG)
    model = BertForPreTraining(config)
    load_tf_weights_in_bert(model, config, str(prefix))
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("position_ids")}
    for name, value in expected.items():
        if not torch.equal(state.pop(name), torch.from_numpy(value)):
            sys.exit(f"{name} differs from what transformers loads")
    # The decoder is tied to the word embeddings and has no tensors of its own.
    if set(state) != {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}:
        sys.exit(f"transformers has further tensors: {sorted(state)}")
    print(f"{len(expected)} tensors equal what transformers loads")


def slots(weights, suffixes, seed):
    return random_values({f"{name}/{suffix}": value.shape for name, value in weights.items() for suffix in suffixes}, seed)


def partitioned_variable():
    v1.get_variable("bert/partitioned", shape=(6, 2), initializer=v1.ones_initializer(), use_resource=False,
                    partitioner=v1.fixed_size_partitioner(3))


def main():
    folder = Path(sys.argv[1])
    encoder = random_values(encoder_shapes(), 1810)
    pretrained = encoder | random_values(PRETRAINING_HEADS, 4805)
    prefix = folder / "tf-pretrained" / "bert_model.ckpt"
    expected = save_bert(prefix, pretrained, slots(pretrained, ["adam_m", "adam_v"], 2) | {"global_step": np.int64(1_000_000)})
    if torch is not None:
        compare_with_transformers(prefix, expected)
    finetuned = random_values(encoder_shapes() | CLASSIFIER, 3)
    unnamed = slots(finetuned, ["AdamWeightDecayOptimizer", "AdamWeightDecayOptimizer_1"], 4)
    save_bert(folder / "tf-finetuned" / "model.ckpt-17", finetuned, unnamed | {"beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999), "global_step": np.int64(17)})
    save(folder / "tf-sharded" / "model.ckpt-3", encoder, sharded=True)
    save(folder / "tf-kinds" / "kinds.ckpt", {
        "half": np.array([[1, -2.5, 2.0 ** -24]], np.float16),
        "brain": np.array([1, -2, 3.140625], tf.bfloat16.as_numpy_dtype),
        "double": np.array([0.1, -1e300]),
        "int": np.array([[7], [-8]], np.int32),
        "long": np.array(-(2 ** 62), np.int64),
        "empty": np.zeros((0, 5), np.float32),
        "text": np.array([b"a", b"bc"]),
        "flag": np.array([True, False]),
        "partitioned": partitioned_variable,
    })


main()
