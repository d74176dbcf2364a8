using System.Text;

namespace EdgeSdk.Text;

/// <summary>Reads the <c>pre_tokenizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class PreTokenizerReader
{
    private const string Known =
        "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, Punctuation, Sequence, Split, UnicodeScripts, Whitespace, WhitespaceSplit";

    private const int LongestPiece = 1 << 20;

    /// <summary>Reads it.</summary>
    /// <param name="field">The pre-tokenizer.</param>
    /// <param name="readsBytes">Whether the model can read bytes as they are.</param>
    /// <param name="isRaw">Whether it will: the last step is ByteLevel, which then need not write them in its alphabet for the model to read them from there.</param>
    public static PreTokenizer Read(JsonField field, bool readsBytes, out bool isRaw)
    {
        var steps = TokenizerFile.StepsOf(field, "pretokenizers");
        bool isLastRaw = isRaw = readsBytes && steps.Count(IsByteLevel) == 1 && IsByteLevel(steps[^1]);
        return new PreTokenizer.Sequence([.. steps.Select((step, i) => ReadStep(step, isRaw: isLastRaw && i == steps.Count - 1))]);
    }

    private static bool IsByteLevel(JsonField step) => step["type"].String() == "ByteLevel";

    private static PreTokenizer ReadStep(JsonField field, bool isRaw)
    {
        var type = field["type"];
        return type.String() switch
        {
            "BertPreTokenizer" => new PreTokenizer.Sequence(
            [
                new PreTokenizer.SplitAt(CodePoints.WhiteSpace.Contains, SplitBehavior.Removed),
                new PreTokenizer.SplitAt(LegacyClasses.Punctuation.Contains, SplitBehavior.Isolated),
            ]),
            "ByteLevel" => new PreTokenizer.ByteLevel(field.Flag("add_prefix_space", true), field.Flag("use_regex", true), isRaw),
            "CharDelimiterSplit" => ReadDelimiter(field["delimiter"]),
            "Digits" => new PreTokenizer.SplitAt(
                NamedClasses.Numbers.Contains, field.Flag("individual_digits") ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
            "FixedLength" => new PreTokenizer.FixedLength(ReadLength(field)),
            "Metaspace" => ReadMetaspace(field),
            "Punctuation" => new PreTokenizer.SplitAt(
                LegacyClasses.Punctuation.Contains, field.Optional("behavior") is { } behavior ? ReadBehavior(behavior) : SplitBehavior.Isolated),
            "Split" => new PreTokenizer.Split(PatternReader.Read(field["pattern"]), field.Flag("invert"), ReadBehavior(field["behavior"])),
            "UnicodeScripts" => new UnicodeScripts(),
            "Whitespace" => new PreTokenizer.Whitespace(),
            "WhitespaceSplit" => new PreTokenizer.SplitAt(CodePoints.WhiteSpace.Contains, SplitBehavior.Removed),
            _ => throw type.Refuse($"is not a pre-tokenizer that is supported ({Known} are)", TokenizerFile.UseKnown),
        };
    }

    private static PreTokenizer.SplitAt ReadDelimiter(JsonField delimiter)
    {
        int value = delimiter.Rune().Value;
        return new PreTokenizer.SplitAt(codePoint => codePoint == value, SplitBehavior.Removed);
    }

    private static int ReadLength(JsonField field)
    {
        const int Default = 5;
        if (field.Optional("length") is not { } length)
            return Default;

        return length.Count(LongestPiece) is > 0 and int value ? value : throw length.Refuse("is no length", "Give at least 1");
    }

    /// <summary>Files from before prepend_scheme have add_prefix_space.</summary>
    private static Metaspace ReadMetaspace(JsonField field)
    {
        var scheme = field.Optional("prepend_scheme") is { } name ? ReadScheme(name) : PrependScheme.Always;
        scheme = field.Flag("add_prefix_space", true) ? scheme : PrependScheme.Never;
        return new Metaspace(field.Optional("replacement") is { } replacement ? replacement.Rune() : new Rune('▁'), scheme, field.Flag("split", true));
    }

    /// <summary>The decoder has one too.</summary>
    public static PrependScheme ReadScheme(JsonField scheme) => scheme.String() switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        _ => throw scheme.Refuse("is not a scheme", "Known are always, first, never"),
    };

    private static SplitBehavior ReadBehavior(JsonField behavior) => behavior.String() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw behavior.Refuse("is not a behavior", "Known are Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"),
    };
}
