#!/usr/bin/env python3
"""Compares a model folder as `edge generate` runs it with the same checkpoint in Hugging Face's transformers.

Three steps, which may run on different systems, since only `generate` needs the SDK and only the other two need torch and transformers (5 or later):

    transformers-check.py prompts  MODEL --data samples/data/dialogues.jsonl --work DIR
    transformers-check.py generate MODEL --edge PATH_OF_edge --work DIR
    transformers-check.py compare  MODEL --work DIR --report samples/models/transformers.json

`prompts` renders dialogues by the folder's chat template and tokenizer as transformers applies them. `generate` lets the SDK continue each prompt greedily,
past end tokens, and takes its logits at four places of each. `compare` prints one line of JSON and notes it in the report, from which docs/pair.md is written;
it ends with 1 where a greedy token differs or a logit is off by more than 1e-3. Both sides compute in float32 on the checkpoint's bfloat16 weights.
OMP_NUM_THREADS=1 is fastest for models this small: half a minute each.
"""
import argparse
import array
import hashlib
import json
import pathlib
import subprocess
import sys

PROMPTS, TOKENS, TOLERANCE = 20, 64, 1e-3
SCORED = 0, 21, 42, 63  # logits are compared behind so many of the written tokens


def messages_of(dialogue):
    """The dialogue's messages up to the last that the assistant answers; see docs/chat-format.md."""
    messages = []
    for turn in dialogue["turns"][: 2 * (len(dialogue["turns"]) // 4) + 1]:
        calls = turn.get("calls") or []
        if calls:
            functions = [{"name": f"{c['service']}_{c['method']}", "arguments": c["parameters"]} for c in calls]
            messages.append({"role": "assistant", "tool_calls": [{"type": "function", "function": f} for f in functions]})
            messages += [{"role": "tool", "content": json.dumps(c["results"], ensure_ascii=False, separators=(",", ":"))} for c in calls]
        messages.append({"role": "user" if turn["speaker"] == "USER" else "assistant", "content": turn["utterance"]})
    return messages


def tools_of(dialogue):
    def schema(names):
        return {"type": "object", "properties": {name: {"type": "string"} for name in names}}

    return [{"type": "function", "function": {"name": t["name"], "parameters": schema(t["parameters"])}} for t in dialogue["tools"]]


def write_prompts(options):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    with open(options.data, encoding="utf-8") as lines:
        dialogues = [json.loads(line) for line in lines][:PROMPTS]
    prompts = []
    for dialogue in dialogues:
        text = tokenizer.apply_chat_template(messages_of(dialogue), tools=tools_of(dialogue), tokenize=False, add_generation_prompt=True)
        prompts.append({"text": text, "tokens": tokenizer(text, add_special_tokens=False)["input_ids"]})
    (options.work / "prompts.json").write_text(json.dumps(prompts), encoding="utf-8")
    print(json.dumps({"prompts": len(prompts), "tokens": sum(len(p["tokens"]) for p in prompts)}))
    return 0


def edge(options, *arguments, text=None):
    command = [options.edge, *arguments, "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, input=text, encoding="utf-8").stdout)


def generate(options):
    for i, prompt in enumerate(json.loads((options.work / "prompts.json").read_text(encoding="utf-8"))):
        model = ["generate", "--model", options.model]
        written = edge(options, *model, "--prompt", "-", "--max-tokens", str(TOKENS), "--ignore-eos", text=prompt["text"])
        if written["stats"]["prompt_tokens"] != len(prompt["tokens"]):
            sys.exit(f"prompt {i}: transformers' tokenizer gives {len(prompt['tokens'])} tokens, edge's {written['stats']['prompt_tokens']}")
        with open(options.work / f"{i}.logits", "wb") as file:
            for count in SCORED:
                ids = prompt["tokens"] + written["tokens"][:count]
                scored = edge(options, *model, "--tokens", ",".join(map(str, ids)), "--max-tokens", "1", "--logits")
                array.array("f", scored["prompt_logits"]).tofile(file)
        (options.work / f"{i}.json").write_text(json.dumps({"prompt": prompt["tokens"], "tokens": written["tokens"]}), encoding="utf-8")
    return 0


def compare(options):
    import numpy
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32, attn_implementation="eager").eval()
    most_apart = same_tokens = tokens = same_prompts = same_choice = places = 0
    files = sorted(options.work.glob("*.logits"), key=lambda f: int(f.stem))
    for file in files:
        edges = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        prompt = torch.tensor([edges["prompt"]])
        with torch.no_grad():
            own = model.generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=TOKENS, min_new_tokens=TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0
            )[0, prompt.shape[1]:].tolist()
            logits = model(torch.tensor([edges["prompt"] + edges["tokens"]])).logits[0].numpy()
        logits = logits[[prompt.shape[1] + count - 1 for count in SCORED]]
        theirs = numpy.fromfile(file, dtype=numpy.float32).reshape(logits.shape)
        most_apart = max(most_apart, float(numpy.abs(logits - theirs).max()))
        same_choice += int((logits.argmax(1) == theirs.argmax(1)).sum())
        places += len(logits)
        same_tokens += sum(a == b for a, b in zip(own, edges["tokens"]))
        tokens += len(own)
        same_prompts += own == edges["tokens"]
    agrees = len(files) == same_prompts == PROMPTS and most_apart <= TOLERANCE
    name = pathlib.Path(options.model).name
    found = {
        "weights": hashlib.sha256(pathlib.Path(options.model, "model.safetensors").read_bytes()).hexdigest(), "transformers": transformers.__version__,
        "class": type(model).__name__, "prompts": len(files), "prompts_equal": same_prompts, "tokens": tokens, "tokens_equal": same_tokens, "places": places,
        "same_first_choice": same_choice, "logits_most_apart": most_apart, "tolerance": TOLERANCE, "agrees": agrees,
    }
    print(json.dumps({name: found}))
    if options.report:
        reported = json.loads(options.report.read_text(encoding="utf-8")) if options.report.exists() else {}
        options.report.write_text(json.dumps(reported | {name: found}, indent=2) + "\n", encoding="utf-8")
    return 0 if agrees else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["prompts", "generate", "compare"])
    parser.add_argument("model", help="a folder with config.json, model.safetensors and the tokenizer's files")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="where prompts, tokens and logits lie between the steps")
    parser.add_argument("--data", help="prompts: a .jsonl file of dialogues that carry their tools")
    parser.add_argument("--edge", default="edge", help="generate: the edge program")
    parser.add_argument("--report", type=pathlib.Path, help="compare: a JSON file that takes the result under the folder's name")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    return {"prompts": write_prompts, "generate": generate, "compare": compare}[options.step](options)


if __name__ == "__main__":
    sys.exit(main())
