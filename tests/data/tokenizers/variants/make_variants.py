"""Writes the tokenizers of this folder and what Hugging Face's tokenizers library makes of a corpus with them. Run: python3 make_variants.py

Every file holds a tokenizer.json ("tokenizer") and its cases: [text, ids with special tokens, decoded with them, decoded without them]; "streams" are rows of ids, some
of them nonsense, and what they decode to with and without special tokens. Vocabularies are small: trained here on the corpus, or written by hand.
"""
import base64
import json
import random
import struct
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).parent
random.seed(20251125)

SENTENCES = [
    "A table for two in San Jose tonight, please.", "What's the weather like in Zürich? It's -12.5°C!", "I can't; they'll've gone, won't they? He'd said 'no'.",
    "The quick brown fox jumps over the lazy dog.", "antidisestablishmentarianism and floccinaucinihilipilification", "Call +1 (408) 555-0199 at 12:30 or 2024-02-29.",
    "for (int i = 0; i < n; i++) { sum += a[i] * 0x1F; }", "def f(x):\n    return x ** 2  # square\n\n\tprint(f(3))\n", "{\"name\": \"find_restaurant\", \"arguments\": {\"party_size\": \"2\"}}",
    "naïve café, crème brûlée, Ångström, İstanbul, STRASSE straße, ΑΣΟΣ σας", "e\u0301a\u0308o\u0302 decomposed, \u1e9b\u0323 and \ufb01ne \u2460 \u00bd \uff21\uff22\uff43 \u3392 \u210c",
    "你好，世界！今天天气怎么样？", "東京タワーに行きたいです。ラーメンを食べる", "한국어 문장입니다. 각 가", "Привет, как дела? Ёлка", "مرحبا بالعالم، كيف حالك؟ ١٢٣", "שלום עולם, מה שלומך?",
    "हिन्दी में एक वाक्य। किताब", "ไทยไม่มีช่องว่าง", "emoji 🎉👍🏽 family 👨‍👩‍👧‍👦 flag 🇩🇪 end", "𝒜𐐀𠮷 supplementary 𝟘𝟙", "   leading and trailing   ", "\t tabs\r\nand \u00a0nbsp \u2003em\u3000ideographic \u200bzero",
    "a" * 60, " " * 17, "xyzzy" * 12, "!!!???...,,,;;;---___***", "1234567890 12 345 6789 3.14159e-10 １２３ ⅷ ²", "<s> </s> <unk> <pad> [CLS] [SEP] [MASK] [UNK]", "<|user|>Hi there<|end|><|assistant|>",
    "word<sep>word <sep> word  <sep>", "subword##ing ##s </w> low</w>", "▁meta▁space▁ ▁▁ x", "<0x41><0xC3> byte <0x0A>", "the The THE tHe", "a b c d e f g", "newline\nnewline\n\n\nend\n", "mixed漢字and日本語とlatin كلمة word", "",
    " ", "\n", "x", "é", "🎉", "\u0301", "\u200d", "\ufeffbom", "\u0000null\u0001\u007f\u008f\ufffd", "don't do not I'm you've we're it's ' quoted '", "fi|xed|de lim||iter", "Tokyo2024年 第3回", "hello   world    again",
    "Hello, y'all! How are you 😁 ?", "aaaaabbbbb aabb abab", "ლამაზი Հայերեն ኢትዮጵያ ᏣᎳᎩ", "Ⅷ ㍿ ﷺ ﬃ ½⅓ ℡ ™ ｶﾞ", "ǅ ß ẞ ſ K Å", "q\u0307\u0323 \u0323\u0307q 가\u11a8 \u1100\u1161\u11a8",
]
TRAINING = SENTENCES * 2 + [
    f"{a} {b} {c}{d}" for a in ("I want", "Please find", "Could you book", "Show me", "the lowest") for b in ("a table", "some weather in", "restaurants", "the newest songs", "widest")
    for c in ("San Jose", "tomorrow", "tonight at 7", "for 4 people", "in München") for d in (".", "?", "!", ", please.")
]
TEXTS = SENTENCES + ["".join(random.choice(["a", "b", " ", "  ", "\n", "é", "你", "🎉", "'s", "1", ".", "<s>", "[MASK]", "▁", "\u0301", "Th", "ing", "<sep>"]) for _ in range(random.randint(3, 25))) for _ in range(18)]

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def charsmap(rules):
    """A precompiled_charsmap: a double array (layout of darts-clone) built key by key, small enough for first fit."""
    keys = sorted(rules, key=lambda k: k.encode())
    blob, places = b"", {}
    for key in keys:
        places[key] = len(blob)
        blob += rules[key].encode() + b"\0"
    root = {}
    for key in keys:
        node = root
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = places[key]
    units, used = {0: 0}, {0}

    def place(node, at, label):
        labels = [0 if byte is None else byte for byte in node]
        offset = 1
        while True:
            base = at ^ offset
            if all((base ^ value) not in used for value in labels) and base ^ 0 not in used:
                break
            offset += 1
        used.update({base ^ value for value in labels} | {base})
        units[at] = (offset << 10) | (label & 0xFF) | ((1 << 8) if None in node else 0)
        for byte, child in node.items():
            if byte is None:
                units[base] = (1 << 31) | child
            else:
                place(child, base ^ byte, byte)

    place(root, 0, 0)
    size = (max(used) | 0xFF) + 1
    array = [units.get(i, 0) for i in range(size)]
    return base64.b64encode(struct.pack("<I", size * 4) + struct.pack(f"<{size}I", *array) + blob).decode()


CHARSMAP = charsmap({
    "\u00a0": " ", "\u3000": " ", "\u200b": "", "\ufb01": "fi", "\uff21": "A", "\uff22": "B", "\uff43": "c", "\u2460": "1", "\u00bd": "1/2", "e\u0301": "\u00e9", "a\u0308": "\u00e4", "\u0301": "",
    "\u2122": "TM", "\t": " ", "\n": " ", "\r": "", "\u3392": "MHz", "Q": "q", "\uff76\uff9e": "\u30ac", "\u0323": "",
})


def trained(model, trainer, **parts):
    tokenizer = Tokenizer(model)
    for name, part in parts.items():
        setattr(tokenizer, name, part)
    tokenizer.train_from_iterator(TRAINING, trainer)
    return tokenizer


def bpe(size=400, special=SPECIAL, model=None, **parts):
    alphabet = pre_tokenizers.ByteLevel.alphabet() if parts.pop("bytes", False) else []
    options = {name: parts.pop(name) for name in ("continuing_subword_prefix", "end_of_word_suffix") if name in parts}
    return trained(model or models.BPE(**parts.pop("options", {}), **options), trainers.BpeTrainer(vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False, limit_alphabet=parts.pop("limit", 1000), **options), **parts)


def unigram(size=300, special=SPECIAL, **parts):
    return trained(models.Unigram(), trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False), **parts)


def wordpiece(size=400, special=BERT, **parts):
    return trained(models.WordPiece(unk_token="[UNK]", **parts.pop("options", {})), trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False, limit_alphabet=120), **parts)


def wordlevel(size=500, **parts):
    return trained(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False), **parts)


def changed(tokenizer, **changes):
    """The tokenizer with parts of its file exchanged; model__name sets a member of the model."""
    file = json.loads(tokenizer.to_str())
    for name, value in changes.items():
        if name.startswith("model__"):
            file["model"][name[7:]] = value
        else:
            file[name] = value
    return Tokenizer.from_str(json.dumps(file))


def with_tokens(tokenizer, *tokens, special=()):
    tokenizer.add_tokens(list(tokens))
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def fallback_vocabulary(tokenizer, upto=256):
    """Adds the byte tokens to a trained model's vocabulary."""
    file = json.loads(tokenizer.to_str())
    vocabulary = file["model"]["vocab"]
    if isinstance(vocabulary, dict):
        first = len(vocabulary)
        vocabulary.update({f"<0x{value:02X}>": first + value for value in range(upto)})
    else:
        vocabulary.extend([f"<0x{value:02X}>", -20.0] for value in range(upto))
    file["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(file))


def template(before, after, tokenizer):
    names = sorted(set(before + after))
    return processors.TemplateProcessing(single=" ".join(before + ["$A"] + after), special_tokens=[(n, tokenizer.token_to_id(n)) for n in names])


def post(tokenizer, processor):
    tokenizer.post_processor = processor
    return tokenizer


N, P, D = normalizers, pre_tokenizers, decoders
LLAMA = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
GPT4 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
ADDED = [AddedToken("<sep>"), AddedToken("[MASK]", lstrip=True, normalized=False), AddedToken("the", single_word=True), AddedToken("  ", normalized=False), AddedToken("ing", rstrip=True)]
CONTROL = [AddedToken("<|user|>", special=True, normalized=False), AddedToken("<|end|>", rstrip=True, special=True, normalized=False), AddedToken("<|assistant|>", lstrip=True, rstrip=True, special=True)]


def variants():
    split = lambda pattern, behavior="isolated", invert=False: P.Split(pattern, behavior, invert)
    level = lambda **o: P.ByteLevel(**{"add_prefix_space": False, **o})
    yield "bpe-bytes-prefix-space", bpe(bytes=True, pre_tokenizer=level(add_prefix_space=True), decoder=D.ByteLevel(), post_processor=processors.ByteLevel())
    yield "bpe-bytes-gpt4", with_tokens(bpe(bytes=True, pre_tokenizer=P.Sequence([split(Regex(GPT4)), level(use_regex=False)]), decoder=D.ByteLevel()), *ADDED, special=CONTROL)
    yield "bpe-bytes-o200k-nfc", bpe(bytes=True, normalizer=N.NFC(), pre_tokenizer=P.Sequence([split(Regex(O200K)), level(use_regex=False)]), decoder=D.ByteLevel())
    yield "bpe-bytes-deepseek", bpe(bytes=True, pre_tokenizer=P.Sequence([split(Regex(r"\p{N}{1,3}")), split(Regex("[一-龥\u3040-ゟ゠-ヿ]+")), split(Regex(DEEPSEEK)), level(use_regex=False)]), decoder=D.ByteLevel())
    yield "bpe-bytes-bloom", bpe(bytes=True, pre_tokenizer=P.Sequence([split(Regex(BLOOM)), level(use_regex=False)]), decoder=D.ByteLevel())
    yield "bpe-bytes-digits-punctuation", bpe(bytes=True, pre_tokenizer=P.Sequence([P.Punctuation("contiguous"), level(), P.Digits(False)]), decoder=D.ByteLevel())
    yield "bpe-bytes-in-the-middle", bpe(bytes=True, pre_tokenizer=P.Sequence([level(), split("Ġ", "merged_with_previous")]), decoder=D.Sequence([D.ByteLevel(), D.Replace("a", "<a>")]))
    yield "bpe-bytes-normalizer", bpe(bytes=True, normalizer=N.Sequence([N.NFC(), N.ByteLevel()]), pre_tokenizer=split("Ġ", "merged_with_next"), decoder=D.ByteLevel())
    yield "bpe-bytes-ignore-merges", changed(bpe(bytes=True, pre_tokenizer=level(), decoder=D.ByteLevel()), model__ignore_merges=True, model__merges=[])
    yield "bpe-bytes-missing-unk", bpe(options={"unk_token": "<unk>"}, limit=40, pre_tokenizer=level(), decoder=D.ByteLevel())
    t = bpe(special=["<s>", "</s>", "<pad>", "<unk>"], pre_tokenizer=level(add_prefix_space=True), bytes=True, decoder=D.ByteLevel())
    yield "bpe-bytes-roberta", post(t, processors.RobertaProcessing(("</s>", 1), ("<s>", 0)))
    t = bpe(normalizer=N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), decoder=LLAMA, options={"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}, limit=60)
    t = fallback_vocabulary(t)
    yield "bpe-llama", post(t, template(["<s>"], ["</s>"], t))
    yield "bpe-fallback-half", fallback_vocabulary(bpe(normalizer=N.Replace(" ", "▁"), decoder=LLAMA, options={"unk_token": "<unk>", "fuse_unk": True}, limit=60), 0xE0)
    yield "bpe-unk-each", bpe(options={"unk_token": "<unk>"}, limit=40, pre_tokenizer=P.Whitespace(), decoder=D.Fuse())
    yield "bpe-unk-fused", bpe(options={"unk_token": "<unk>", "fuse_unk": True}, limit=40, pre_tokenizer=P.Metaspace(), decoder=D.Metaspace())
    yield "bpe-unk-none", bpe(limit=40, pre_tokenizer=P.Metaspace(prepend_scheme="first"), decoder=D.Metaspace(prepend_scheme="first"))
    yield "bpe-no-decoder", bpe(pre_tokenizer=P.WhitespaceSplit(), options={"unk_token": "<unk>"}, limit=60)
    yield "bpe-clip", bpe(normalizer=N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()]), bytes=True, end_of_word_suffix="</w>", options={"unk_token": "<unk>"}, pre_tokenizer=P.Sequence([split(Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", True), level()]), decoder=D.ByteLevel())
    yield "bpe-word-end", bpe(end_of_word_suffix="</w>", options={"unk_token": "<unk>"}, limit=80, pre_tokenizer=P.BertPreTokenizer(), decoder=D.BPEDecoder())
    yield "bpe-continuing-prefix", bpe(continuing_subword_prefix="##", options={"unk_token": "<unk>"}, limit=80, pre_tokenizer=P.WhitespaceSplit(), decoder=D.WordPiece(prefix="##", cleanup=False))
    yield "bpe-both-affixes", fallback_vocabulary(bpe(continuing_subword_prefix="@@", end_of_word_suffix="</w>", options={"unk_token": "<unk>"}, limit=80, pre_tokenizer=P.Whitespace(), decoder=D.BPEDecoder("</w>")))
    yield "bpe-fixed-length", bpe(pre_tokenizer=P.FixedLength(4), decoder=D.Fuse())
    yield "bpe-scripts", bpe(pre_tokenizer=P.Sequence([P.UnicodeScripts(), P.Digits(True)]), decoder=D.Fuse(), options={"unk_token": "<unk>"})
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"bpe-split-{behavior}", bpe(pre_tokenizer=split(Regex(r"[aeiou .,]|\d{2}"), behavior), decoder=D.Fuse(), options={"unk_token": "<unk>"}, limit=100)
        yield f"bpe-split-string-{behavior}-inverted", bpe(pre_tokenizer=split(" ", behavior, True), decoder=D.Fuse(), options={"unk_token": "<unk>"}, limit=100)
        yield f"wordlevel-punctuation-{behavior}", wordlevel(pre_tokenizer=P.Sequence([P.WhitespaceSplit(), P.Punctuation(behavior)]), decoder=D.WordPiece())
    yield "bpe-gemma", with_tokens(fallback_vocabulary(bpe(normalizer=N.Replace(" ", "▁"), pre_tokenizer=split(" ", "merged_with_previous"), decoder=D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()]), options={"unk_token": "<unk>", "fuse_unk": True}, limit=60)), AddedToken("\n\n", normalized=False), AddedToken("▁▁", normalized=False), AddedToken("<sep>", lstrip=True, rstrip=True))
    precompiled = lambda: N.Precompiled(base64.b64decode(CHARSMAP))
    t = unigram(normalizer=N.Sequence([precompiled(), N.Replace(Regex(" {2,}"), " ")]), pre_tokenizer=P.Metaspace(), decoder=D.Metaspace())
    yield "unigram-t5", post(t, template([], ["</s>"], t))
    t = unigram(normalizer=N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")]), pre_tokenizer=P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), decoder=D.Metaspace())
    yield "unigram-xlmr", with_tokens(post(t, template(["<s>"], ["</s>"], t)), special=[AddedToken("<mask>", lstrip=True, special=True)])
    yield "unigram-albert", unigram(normalizer=N.Sequence([N.Replace("``", "\""), N.NFKD(), N.StripAccents(), N.Lowercase(), precompiled(), N.Replace(Regex(" {2,}"), " ")]), pre_tokenizer=P.Metaspace(), decoder=D.Metaspace())
    yield "unigram-first", with_tokens(unigram(normalizer=N.Strip(left=True, right=True), pre_tokenizer=P.Metaspace(prepend_scheme="first"), decoder=D.Metaspace(prepend_scheme="first")), *ADDED)
    yield "unigram-never", unigram(pre_tokenizer=P.Metaspace(prepend_scheme="never"), decoder=D.Metaspace(prepend_scheme="never"))
    yield "unigram-whole", unigram(normalizer=N.NFKC(), pre_tokenizer=P.Metaspace(prepend_scheme="first", split=False), decoder=D.Metaspace(prepend_scheme="first"))
    yield "unigram-fallback", changed(fallback_vocabulary(unigram(pre_tokenizer=P.Metaspace(), decoder=D.Sequence([D.ByteFallback(), D.Metaspace()]))))
    yield "unigram-no-pre-tokenizer", unigram(normalizer=N.NFD(), decoder=D.Sequence([D.Fuse(), D.Strip(" ", 2, 1)]))
    yield "unigram-underscore", unigram(pre_tokenizer=P.Metaspace(replacement="_"), decoder=D.Metaspace(replacement="_"))
    t = wordpiece(normalizer=N.BertNormalizer(), pre_tokenizer=P.BertPreTokenizer(), decoder=D.WordPiece())
    yield "wordpiece-bert-uncased", post(t, processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))
    t = wordpiece(normalizer=N.BertNormalizer(lowercase=False, strip_accents=False), pre_tokenizer=P.BertPreTokenizer(), decoder=D.WordPiece(cleanup=False))
    yield "wordpiece-bert-cased", with_tokens(post(t, template(["[CLS]"], ["[SEP]"], t)), *ADDED, special=CONTROL)
    yield "wordpiece-bert-odd", wordpiece(normalizer=N.BertNormalizer(clean_text=False, handle_chinese_chars=False, lowercase=False, strip_accents=True), pre_tokenizer=P.BertPreTokenizer(), decoder=D.WordPiece())
    yield "wordpiece-short-words", changed(wordpiece(pre_tokenizer=P.Whitespace(), decoder=D.WordPiece(prefix="##")), model__max_input_chars_per_word=6)
    yield "wordpiece-other-prefix", wordpiece(options={"continuing_subword_prefix": "~"}, pre_tokenizer=P.WhitespaceSplit(), decoder=D.Sequence([D.Replace("~", ""), D.Fuse()]))
    yield "wordlevel-whitespace", wordlevel(normalizer=N.Sequence([N.NFD(), N.StripAccents()]), pre_tokenizer=P.Whitespace(), decoder=None)
    yield "wordlevel-delimiter", wordlevel(pre_tokenizer=P.CharDelimiterSplit("|"))
    yield "wordlevel-lower", with_tokens(wordlevel(normalizer=N.Lowercase(), pre_tokenizer=P.Sequence([P.Whitespace(), P.Digits(True)])), AddedToken("Jose", normalized=True), AddedToken("THE", single_word=True), AddedToken("Zürich", normalized=False), AddedToken("don", lstrip=True, rstrip=True))
    ctc = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, **{c: 5 + i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz'.,")}}
    t = Tokenizer(models.WordLevel(ctc, unk_token="<unk>"))
    t.normalizer, t.pre_tokenizer, t.decoder = N.Sequence([N.Lowercase(), N.Replace(" ", "|")]), P.FixedLength(1), D.CTC()
    yield "wordlevel-ctc", t
    yield "wordlevel-ctc-raw", changed(t, decoder={"type": "Sequence", "decoders": [{"type": "CTC", "pad_token": "<s>", "word_delimiter_token": "|", "cleanup": False}, {"type": "Replace", "pattern": {"Regex": "[|]+"}, "content": " "}]})
    hand = {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "c": 4, "ab": 5, "bc": 6, "abc": 7, "▁a": 8, "▁ab": 9, "1": 10, "2": 11, "12": 12}
    t = Tokenizer(models.BPE(hand, [("a", "b"), ("b", "c"), ("ab", "c"), ("▁", "a"), ("▁", "ab"), ("▁a", "b"), ("1", "2")], unk_token="<unk>"))
    t.pre_tokenizer, t.decoder = P.Metaspace(prepend_scheme="always", split=False), D.Sequence([D.Replace("▁", " "), D.Strip("a", 1, 1), D.Fuse(), D.Strip(" ", 1, 2), D.Replace(Regex("b+"), "B")])
    yield "hand-bpe-decoder-order", t
    scored = [["<unk>", 0.0], ["▁", -2.0], ["a", -3.0], ["b", -3.0], ["ab", -5.9], ["aab", -6.0], ["▁ab", -6.5], ["ba", -6.0], ["aa", -6.0], ["bb", -6.0], ["é", -4.0], ["ab", -6.1]]
    yield "hand-unigram-ties", Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, "post_processor": None, "decoder": None, "model": {"type": "Unigram", "unk_id": 0, "vocab": scored}}))

    yield from later_variants()


def later_variants():
    """What random configurations found, with texts that show it."""
    split = lambda pattern, behavior="isolated", invert=False: P.Split(Regex(pattern), behavior, invert)
    yield "bpe-word-in-class", bpe(pre_tokenizer=P.Sequence([split(r"[^\w\s]"), split(r"\w+(?!\w)")]), decoder=D.Fuse())
    yield "bpe-any-case", bpe(pre_tokenizer=P.Sequence([split(r"(?i:[αβσς]|ſ|k|µ|[\p{Lt}])", "merged_with_previous"), split(r"(?i:'ſ|'T)")]), decoder=D.Fuse())
    yield "bpe-named-classes", bpe(pre_tokenizer=P.Sequence([split(r"[[:alpha:]]+|[[:punct:]]|\R|[[:blank:]]"), split(r"\p{Uppercase_Letter}|[[:digit:]]{2}", "merged_with_next")]), decoder=D.Fuse())
    yield "wordpiece-forms-of-unicode-9", wordpiece(normalizer=N.Sequence([N.NFKD(), N.NFC()]), pre_tokenizer=P.Whitespace(), decoder=D.WordPiece())
    yield "wordpiece-bert-accents-of-unicode-9", wordpiece(normalizer=N.BertNormalizer(), pre_tokenizer=P.BertPreTokenizer(), decoder=D.WordPiece())
    first = P.Metaspace(prepend_scheme="first")
    yield "unigram-first-of-several-characters", unigram(normalizer=N.Sequence([N.NFKC(), N.Prepend("a,b")]), pre_tokenizer=P.Sequence([P.FixedLength(1), first]), decoder=D.Metaspace())
    yield "unigram-first-replaced", unigram(normalizer=N.Sequence([N.Precompiled(base64.b64decode(CHARSMAP)), N.Replace(Regex("^."), "x.y.")]), pre_tokenizer=P.Sequence([P.Punctuation(), first]), decoder=D.Metaspace())
    yield "bpe-bytes-repeated-interval", bpe(bytes=True, pre_tokenizer=P.Sequence([split(r"\p{N}{1,3}+|[^\r\n\p{L}\p{N}]?+\p{L}++| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s"), P.ByteLevel(add_prefix_space=False, use_regex=False)]), decoder=D.ByteLevel())
    t = unigram(pre_tokenizer=P.Metaspace(), decoder=D.Metaspace())
    yield "unigram-special-twice", changed(t, model__vocab=json.loads(t.to_str())["model"]["vocab"] + [["<s>", -3.0]], added_tokens=[{"id": t.get_vocab_size(), "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}])


LATER_TEXTS = [
    "½kg of ²² x³·¼ ①②", "ΑΣΟΣ σας Σ θϑϴ µμ ΑΒΓ αβγ", "'ſ 'S Kelvin k K ǅ Ǆ ǆ ß ẞ", "a\r\nb\n\rc\u2028d\u0085e", "$+<=>^`|~ !? ⅷ ª º ⓐⒶ हिन्दी نَص", "㋿㋾ 𐞁𐞹 𑤸 𑤸 𖵨 𐗉 𐗒\u0307 e\u1abf\u0301 \u1df6\u0323a a\U0001e08f\u0327 🅬 🯰🯹 𞀰",
    "q\u1ac5\u0323\u0301 \u0323\u08ca\u0301 o\u0897\u0328", "<s>text</s> <unk><s> s", "½ a", "ﷺ b", "㍿", "ﬁne", "①②", "\u200bé x", "1234567 12 1",
]


def normalizes_tokens(tokenizer):
    """Whether an added token is changed by the normalizer: version 0.23 of the library decodes such a token to its changed form, versions before to its own."""
    added = json.loads(tokenizer.to_str())["added_tokens"]
    return tokenizer.normalizer is not None and any(t["normalized"] and tokenizer.normalizer.normalize_str(t["content"]) != t["content"] for t in added)


def decoded(tokenizer, ids):
    """With special tokens and without; nulls where versions of the library differ, None where it gives up (it cannot strip more than a token has)."""
    if normalizes_tokens(tokenizer):
        return [None, None]
    try:
        return [tokenizer.decode(ids, skip_special_tokens=skip) for skip in (False, True)]
    except BaseException as failure:
        if type(failure).__name__ != "PanicException":
            raise
        return None


def cases(tokenizer, texts):
    for text in texts:
        ids = tokenizer.encode(text).ids
        if texts := decoded(tokenizer, ids):
            yield [text, ids, *texts]


def streams(tokenizer):
    count = tokenizer.get_vocab_size()
    for length in (1, 2, 3, 5, 8, 13, 21, 34):
        ids = [random.randrange(count) for _ in range(length)]
        if texts := decoded(tokenizer, ids):
            yield [ids, *texts]


if __name__ == "__main__":
    later = {name for name, _ in later_variants()}
    for name, tokenizer in variants():
        path = HERE / f"{name}.json"
        if path.exists():
            continue  # Training is not the same twice, so that what is there stays.
        # Read back, as a user would: a tokenizer in the making remembers more than its file tells.
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        texts = LATER_TEXTS + TEXTS[:30] if name in later else TEXTS
        content = {"tokenizer": json.loads(tokenizer.to_str()), "cases": list(cases(tokenizer, texts)), "streams": list(streams(tokenizer))}
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
