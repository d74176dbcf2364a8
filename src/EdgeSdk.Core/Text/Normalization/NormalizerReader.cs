using System.Text;

namespace EdgeSdk.Text;

/// <summary>Reads the <c>normalizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class NormalizerReader
{
    /// <summary>That of nmt_nfkc_cf has half a million letters.</summary>
    private const int LargestMap = 1 << 24;

    private const string Known = "BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, Replace, Sequence, Strip, StripAccents";

    public static Normalizer Read(JsonField field)
    {
        Normalizer[] steps = [.. TokenizerFile.StepsOf(field, "normalizers").Select(ReadStep)];
        return steps.Length == 1 ? steps[0] : new Normalizer.Sequence([.. steps]);
    }

    private static Normalizer ReadStep(JsonField field)
    {
        var type = field["type"];
        return type.String() switch
        {
            "NFC" => new Normalizer.Unicode(NormalizationForm.FormC),
            "NFD" => new Normalizer.Unicode(NormalizationForm.FormD),
            "NFKC" => new Normalizer.Unicode(NormalizationForm.FormKC),
            "NFKD" => new Normalizer.Unicode(NormalizationForm.FormKD),
            "Lowercase" => new CodePointNormalizer.Lowercase(),
            "Strip" => new Normalizer.Strip(field.Flag("strip_left", true), field.Flag("strip_right", true)),
            "StripAccents" => new CodePointNormalizer.LeaveOut(LegacyClasses.Marks),
            "Nmt" => new CodePointNormalizer.Nmt(),
            "ByteLevel" => new Normalizer.ByteLevel(),
            "BertNormalizer" => ReadBert(field),
            "Precompiled" => ReadPrecompiled(field["precompiled_charsmap"]),
            "Prepend" => new Normalizer.Prepend(Encoding.UTF8.GetBytes(field["prepend"].String())),
            "Replace" => ReadReplace(field),
            _ => throw type.Refuse($"is not a normalizer that is supported ({Known} are)", TokenizerFile.UseKnown),
        };
    }

    /// <summary>The decoder's Replace is the same.</summary>
    public static Normalizer ReadReplace(JsonField field)
    {
        byte[] content = Encoding.UTF8.GetBytes(field["content"].String());
        return field["pattern"].Optional("String") is { } text
            ? new Normalizer.Replace(PatternReader.NotEmpty(text), content)
            : new Normalizer.ReplaceMatches(PatternReader.Read(field["pattern"]), content);
    }

    private static Normalizer.Sequence ReadBert(JsonField field)
    {
        var steps = new List<Normalizer>();
        bool lowercase = field.Flag("lowercase", true);
        if (field.Flag("clean_text", true))
            steps.Add(new CodePointNormalizer.BertClean());

        if (field.Flag("handle_chinese_chars", true))
            steps.Add(new CodePointNormalizer.BertSpaceChinese());

        // Accents go with the case unless the file says otherwise.
        if (field.Flag("strip_accents", lowercase))
        {
            steps.Add(new Normalizer.Unicode(NormalizationForm.FormD));
            steps.Add(new CodePointNormalizer.LeaveOut(LegacyClasses.NonspacingMarks));
        }

        if (lowercase)
            steps.Add(new CodePointNormalizer.Lowercase());

        return new Normalizer.Sequence([.. steps]);
    }

    private static CharacterMap ReadPrecompiled(JsonField map)
    {
        try
        {
            return CharacterMap.Read(Convert.FromBase64String(map.String(LargestMap)));
        }
        catch (FormatException exception)
        {
            throw map.Refuse($"is damaged ({exception.Message.TrimEnd('.')})", "Export the tokenizer again with save_pretrained", exception);
        }
    }
}
