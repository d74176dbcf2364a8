using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace EdgeSdk.Text;

/// <summary>Reads the <c>model</c> of a <c>tokenizer.json</c>.</summary>
internal sealed class ModelReader
{
    /// <summary>Ids that no token has cost memory too: so many may be, and a few more for each token.</summary>
    private const int MostGaps = 1 << 20, GapsPerToken = 4;

    /// <summary>Affixes are repeated for each character.</summary>
    private const int LongestAffix = 100;

    private readonly JsonField _model;
    private readonly string _kind;

    private ModelReader(JsonField model)
    {
        _model = model;
        _kind = KindOf(model);
        Vocabulary = new Vocabulary(_kind == "Unigram" ? ReadScoredTokens(model["vocab"]) : ReadTokens(model["vocab"]));
    }

    public Vocabulary Vocabulary { get; }

    /// <summary>
    /// Whether a byte-level model can read bytes as they are: its symbols are the bytes themselves, without a fallback or an affix that acts on how they are written.
    /// </summary>
    public bool ReadsBytes => _kind == "BPE" && !_model.Flag("byte_fallback") && ReadAffixes() is null;

    /// <summary>Reads the vocabulary; the model itself comes with <see cref="ReadModel"/>.</summary>
    public static ModelReader Open(JsonField model) => new(model);

    /// <summary>Reads the model.</summary>
    /// <param name="isByteLevel">Pieces come as raw bytes.</param>
    public TokenModel ReadModel(bool isByteLevel) => _kind switch
    {
        "BPE" => ReadBytePair(isByteLevel),
        "Unigram" => ReadUnigram(),
        "WordPiece" => new WordPieceModel(
            Vocabulary,
            ReadUnknown("[UNK]"),
            Encoding.UTF8.GetBytes(_model.Optional("continuing_subword_prefix") is { } prefix ? prefix.String() : "##"),
            _model.Optional("max_input_chars_per_word") is { } most ? most.Count(int.MaxValue) : 100),
        _ => new WordLevelModel(Vocabulary, ReadUnknown("<unk>")),
    };

    /// <summary>Old files do not name the type; it shows in the members.</summary>
    private static string KindOf(JsonField model)
    {
        if (model.Optional("type") is not { } type)
        {
            return model.Optional("merges") is not null ? "BPE"
                : model["vocab"].Value.ValueKind == JsonValueKind.Array ? "Unigram"
                : model.Optional("continuing_subword_prefix") is not null ? "WordPiece"
                : "WordLevel";
        }

        return type.String() is "BPE" or "Unigram" or "WordPiece" or "WordLevel"
            ? type.String()
            : throw type.Refuse("is not a model that is supported (BPE, Unigram, WordLevel, WordPiece are)", TokenizerFile.UseKnown);
    }

    private static TokenBytes ReadTokens(JsonField vocabulary)
    {
        var tokens = new TokenBytes();
        int count = vocabulary.Members().Count(), highest = MostGaps + GapsPerToken * count;
        tokens.Reserve(count, 0);
        foreach (var member in vocabulary.Members())
        {
            var token = vocabulary.NameOf(member);
            if (!JsonField.TryGetCount(member.Value, highest, out int id))
                throw vocabulary.Of(member).RefuseCount(highest);

            if (tokens.Has(id))
                throw vocabulary.Of(member).Refuse($"is also the id of '{JsonField.Shorten(Encoding.UTF8.GetString(tokens[id]))}'", "Give each token an id of its own");

            tokens.Set(id, token);
        }

        return tokens;
    }

    private static TokenBytes ReadScoredTokens(JsonField vocabulary)
    {
        var tokens = new TokenBytes();
        tokens.Reserve(vocabulary.Items().Count(), 0);
        foreach (var entry in vocabulary.Items())
            tokens.Add(EntryPart(entry, 0).Utf8());

        return tokens.Count > 0 ? tokens : throw vocabulary.Refuse("is empty", "Export the tokenizer again with save_pretrained");
    }

    private static JsonField EntryPart(JsonField entry, int part) => entry.Value.ValueKind == JsonValueKind.Array && entry.Value.GetArrayLength() == 2
        ? entry.ItemAt(part)
        : throw entry.Refuse("is not a token and its score", "Export the tokenizer again with save_pretrained");

    private BytePairModel ReadBytePair(bool isByteLevel)
    {
        if (_model.Optional("dropout") is { } dropout && dropout.Number() != 0)
            throw dropout.Refuse("would make tokenizing random", "Set it to null");

        return new BytePairModel(
            Vocabulary,
            ReadMerges(_model["merges"]),
            new UnknownCharacters(_model.Flag("byte_fallback"), ReadUnknown(null), _model.Flag("fuse_unk")),
            ReadAffixes(),
            isByteLevel,
            _model.Flag("ignore_merges"));
    }

    private UnigramModel ReadUnigram()
    {
        var unknown = new UnknownToken(null, -1);
        if (_model.Optional("unk_id") is { } field)
        {
            int id = field.Count(Vocabulary.Tokens.Count - 1);
            unknown = new UnknownToken(Encoding.UTF8.GetString(Vocabulary[id]), id);
        }

        var scores = ImmutableArray.CreateBuilder<double>(Vocabulary.Tokens.Count);
        scores.AddRange(_model["vocab"].Items().Select(e => EntryPart(e, 1).Number()));
        return new UnigramModel(Vocabulary, scores.MoveToImmutable(), unknown, _model.Flag("byte_fallback"));
    }

    private UnknownToken ReadUnknown(string? otherwise)
    {
        string? name = _model.Optional("unk_token") is { } token ? token.String() : otherwise;
        return new UnknownToken(name, name is null ? -1 : Vocabulary.IdOf(Encoding.UTF8.GetBytes(name)));
    }

    private WordAffixes? ReadAffixes()
    {
        byte[] continuation = Affix("continuing_subword_prefix"), end = Affix("end_of_word_suffix");
        return continuation.Length + end.Length > 0 ? new WordAffixes(continuation, end) : null;

        byte[] Affix(string name) => _model.Optional(name) is { } affix ? Encoding.UTF8.GetBytes(affix.String(LongestAffix)) : [];
    }

    private MergeTable ReadMerges(JsonField merges)
    {
        byte[] continuation = ReadAffixes()?.Continuation ?? [];
        var table = new MergeTable(merges.Value.ValueKind == JsonValueKind.Array ? merges.Value.GetArrayLength() : 0);
        byte[] merged = new byte[Vocabulary.LongestToken];
        int rank = 0;
        foreach (var merge in merges.Items())
        {
            if (merge.Value.ValueKind == JsonValueKind.String && merge.Utf8().StartsWith("#version"u8))
                continue;

            ReadMerge(merge, out var left, out var right);
            if (!right.StartsWith(continuation))
                throw merge.Refuse("has a second token without model.continuing_subword_prefix", "Export the tokenizer again with save_pretrained");

            int leftId = IdOf(merge, left), rightId = IdOf(merge, right);
            var added = right[continuation.Length..];
            if (left.Length + added.Length > merged.Length)
                throw Lacks(merge, [.. left, .. added]);

            left.CopyTo(merged);
            added.CopyTo(merged.AsSpan(left.Length));
            table.Add(leftId, rightId, rank++, IdOf(merge, merged.AsSpan(0, left.Length + added.Length)));
        }

        return table;
    }

    private int IdOf(JsonField merge, ReadOnlySpan<byte> token) => Vocabulary.IdOf(token) is >= 0 and int id ? id : throw Lacks(merge, token);

    private static EdgeException Lacks(JsonField merge, ReadOnlySpan<byte> token) => merge.Refuse(
        $"needs the token '{JsonField.Shorten(Encoding.UTF8.GetString(token))}', which model.vocab does not have", "Export the tokenizer again with save_pretrained");

    private static void ReadMerge(JsonField merge, out ReadOnlySpan<byte> left, out ReadOnlySpan<byte> right)
    {
        if (merge.Value.ValueKind == JsonValueKind.Array && merge.Value.GetArrayLength() == 2)
        {
            left = merge.ItemAt(0).Utf8();
            right = merge.ItemAt(1).Utf8();
            return;
        }

        var pair = merge.Value.ValueKind == JsonValueKind.Array ? default : merge.Utf8();
        int space = pair.IndexOf((byte)' ');
        if (space < 0 || pair[(space + 1)..].Contains((byte)' '))
            throw merge.Refuse("is not a pair of tokens", "Export the tokenizer again with save_pretrained");

        left = pair[..space];
        right = pair[(space + 1)..];
    }
}
