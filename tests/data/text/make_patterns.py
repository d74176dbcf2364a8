"""Writes patterns.json: [pattern, text, pieces], as Hugging Face's tokenizers (Oniguruma) cut the texts at the matches, each match a piece. Run: python3 make_patterns.py"""
import json
from pathlib import Path

from tokenizers import Regex, pre_tokenizers

TEXTS = ["Hello, wörld! It's 12 o'clock—isn't it? 漢字かな交じり文、カタカナ","foo_bar baz42 \n\nline two\nline three\n"," a\u0301b ⓐⅧ٣x‿y z\u200dw ","abc123DEF ab\nAB ſK","aaa bbb aaab aab ab b","0x1F beef DEAD 99","Привет мир 你好world你","x\n","1234567890123","\t tab  sp\u00a0nb\u2003em\u0085nel"]
PATTERNS = [r"(?<=\d)(?=(?:\d{3})+(?!\d))", r"(?<![a-z])[a-z]+", r"(?<=a|bc)b", r"\w+|[^\w\s]+", r"\W+", r"\bb|a\b", r"\B.", r"[\p{Han}]+", r"\p{Hiragana}+|\p{Katakana}+", r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+|\p{N}{1,3}", r" ?[^(\s|[.,!?…。,、।۔،])]+", r"a+?b", r"a*?b|.", r"[a-z]{1,2}?", r"(?i)HELLO|abc", r"x(?i:ab)C|DEF", r"(?m:l.*?e)", r"l(?i)INE", r"\h+", r"\H+", r"\A.", r".\z", r"\n\Z|.$", r"(?<word>[a-z]+)1", r"[^\p{P}\p{S}\s]+", r"\P{L}+", r"\p{^L}+", r"[[a-c][x-z]]+", r"[a-z&&[^aeiou]]+", r"[\w&&[^\d]]+", r"[\W_]+", r"\p{Cyrillic}+", r"[^\p{Han}]+", r"(?:(?<=\s)|^)\S+", r"\d(?!\d)", r"[\x{4e00}-\x{9fff}]+", r"(?>a+)b", r"a++|b", r"\s+$", r"[^a-z\d]+?(?=[a-z]|$)", r"(ab|a)(c|bc)?", r"[-a]+", r"[a\-z]+", r"[]a]+", r"[^\w\s]+", r"[\w]+", r"\w+", r"(?i:σ)", r"(?i:ſ|k)", r"(?i:[α-ω]+)", r"(?i:[\p{Lu}]+)", r"(?i:[^\p{Ll}]+)", r"(?i:\p{Lu}+)", r"[[:alpha:]]+", r"[[:alnum:]_]+", r"[[:upper:]]|[[:lower:]]", r"[[:punct:]]+", r"\p{Punct}+", r"[^[:space:]]+", r"[[:^graph:]]+", r"[[:print:]]+", r"[[:blank:][:cntrl:]]+", r"[[:xdigit:]]{2}", r"[[:word:]]+|[[:ascii:]]", r"\p{Uppercase_Letter}\p{lowercase letter}+", r"\p{LC}+", r"\p{word}+", r"[\p{Word}]+", r"\p{han}+", r"\R", r"[^\n]\R+|\N{3}", r"\O{4}"]
TEXTS += ["½a ² x³ ①Ⓐⓐ ΑΣΟΣ σας Σ θϑϴ µμ", "ß ẞ ſ K Å İ ı ǅ ბა ᲁ ᏣᎳ ꮳ", "a\r\nb\n\rc\u2028d \u0345ͅ हिन्दी نَص $+<=>^`|~ ⅷ ª º", "\x00\x1f\x7f\u200b\ue000\u0378"]

cases = [[p, t, [t[a:b] for _, (a, b) in pre_tokenizers.Split(Regex(p), "isolated").pre_tokenize_str(t)]] for p in PATTERNS for t in TEXTS]
(Path(__file__).parent / "patterns.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
