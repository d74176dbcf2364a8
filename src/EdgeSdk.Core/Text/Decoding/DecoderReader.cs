using System.Collections.Immutable;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>Reads the <c>decoder</c> of a <c>tokenizer.json</c>.</summary>
internal sealed class DecoderReader
{
    private const string Known = "BPEDecoder, ByteFallback, ByteLevel, CTC, Fuse, Metaspace, Replace, Sequence, Strip, WordPiece";
    private const int MostStripped = 1000;

    private readonly ImmutableArray<DecoderStep>.Builder _steps = ImmutableArray.CreateBuilder<DecoderStep>();
    private bool _isJoined;
    private bool _mayBeIllFormed;

    /// <summary>Its steps, in order.</summary>
    public static ImmutableArray<DecoderStep> Read(JsonField? field)
    {
        if (field is not { } decoder)
            return [new DecoderStep.Spaced()];

        var reader = new DecoderReader();
        foreach (var step in TokenizerFile.StepsOf(decoder, "decoders"))
            reader.ReadStep(step);

        return reader._steps.ToImmutable();
    }

    private void ReadStep(JsonField field)
    {
        var type = field["type"];
        switch (type.String())
        {
            case "Fuse":
                _isJoined = true;
                break;
            case "ByteLevel":
                Add(new DecoderStep.ByteLevel());
                _isJoined = _mayBeIllFormed = true;
                break;
            case "ByteFallback":
                Add(new DecoderStep.ByteFallback());
                break;
            case "Replace":
                Add(new DecoderStep.Replace(NormalizerReader.ReadReplace(field)));
                break;
            case "Strip":
                AddStrip(new DecoderStep.Strip(Utf8(field["content"].Rune().ToString()), field["start"].Count(MostStripped), field["stop"].Count(MostStripped)));
                break;
            case "Metaspace":
                Add(ReadMetaspace(field));
                break;
            case "WordPiece":
                Add(new DecoderStep.WordPiece(Utf8(Text(field, "prefix", "##")), field.Flag("cleanup", true)));
                break;
            case "BPEDecoder":
                Add(new DecoderStep.WordEnd(field.Optional("suffix") is { } suffix ? PatternReader.NotEmpty(suffix) : "</w>"u8.ToArray()));
                break;
            case "CTC":
                Add(new DecoderStep.Ctc(Utf8(Text(field, "pad_token", "<pad>")), Utf8(Text(field, "word_delimiter_token", "|")), field.Flag("cleanup", true)));
                break;
            default:
                throw type.Refuse($"is not a decoder that is supported ({Known} are)", TokenizerFile.UseKnown);
        }
    }

    /// <summary>A step that follows upon the joining sees one token, the whole text.</summary>
    private void Add(DecoderStep step)
    {
        if (_isJoined)
        {
            _steps.Add(new DecoderStep.Gather());
            _isJoined = _mayBeIllFormed = false;
        }

        _steps.Add(step);
    }

    /// <summary>Stripping a text needs no more of it than its ends.</summary>
    private void AddStrip(DecoderStep.Strip strip)
    {
        if (_isJoined && (strip.IsAscii || !_mayBeIllFormed))
        {
            _steps.Add(strip.OfText());
            return;
        }

        Add(strip);
    }

    private static DecoderStep.Metaspace ReadMetaspace(JsonField field)
    {
        var scheme = field.Optional("prepend_scheme") is { } name ? PreTokenizerReader.ReadScheme(name) : PrependScheme.Always;
        bool isPrepended = scheme != PrependScheme.Never && field.Flag("add_prefix_space", true);
        return new DecoderStep.Metaspace(Utf8(field.Optional("replacement") is { } replacement ? replacement.Rune().ToString() : "▁"), isPrepended);
    }

    private static string Text(JsonField field, string name, string otherwise) => field.Optional(name) is { } text ? text.String() : otherwise;

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);
}
