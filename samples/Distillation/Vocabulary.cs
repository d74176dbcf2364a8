namespace EdgeSdk.Distillation;

/// <summary>The ids of docs/chat-format.md.</summary>
internal static class Vocabulary
{
    public const int Size = 4096;
    public const int Pad = 0, End = 1, System = 2, User = 3, Assistant = 4, Tool = 5, Call = 6;

    /// <summary>The first id of the 256 bytes; the merges follow them.</summary>
    public const int FirstByte = 16;

    /// <summary>The first id that is a merge.</summary>
    public const int FirstMerge = FirstByte + 256;

    /// <summary>The special tokens, by id.</summary>
    public static IReadOnlyList<string> Special { get; } =
    [
        "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|call|>", "<think>", "</think>",
        .. Enumerable.Range(9, 7).Select(i => $"<|reserved_{i}|>"),
    ];

    /// <summary>The pre-tokenizer's pattern: words with the blank or underscore before them, single digits, runs of punctuation, white space.</summary>
    public const string Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[ _]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
}
