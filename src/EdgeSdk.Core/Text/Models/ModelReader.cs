using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace EdgeSdk.Text;

/// <summary>Reads the <c>model</c> of a <c>tokenizer.json</c>.</summary>
internal sealed class ModelReader
{
    private const int HighestId = (1 << 22) - 1;

    private readonly JsonField _model;
    private readonly string _kind;

    private ModelReader(JsonField model)
    {
        _model = model;
        _kind = KindOf(model);
        Tokens = _kind == "Unigram" ? ReadScoredTokens(model["vocab"]) : ReadTokens(model["vocab"]);
        Vocabulary = new Vocabulary(Tokens);
    }

    /// <summary>The tokens by id; null where an id is not in use.</summary>
    public List<byte[]?> Tokens { get; }

    /// <summary>The same, to look up in.</summary>
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

    private static List<byte[]?> ReadTokens(JsonField vocabulary)
    {
        var tokens = new List<byte[]?>();
        foreach (var (token, field) in vocabulary.Members())
        {
            int id = field.Count(HighestId);
            while (tokens.Count <= id)
                tokens.Add(null);

            if (tokens[id] is { } other)
                throw field.Refuse($"is also the id of '{Encoding.UTF8.GetString(other)}'", "Give each token an id of its own");

            tokens[id] = Encoding.UTF8.GetBytes(token);
        }

        return tokens;
    }

    private static List<byte[]?> ReadScoredTokens(JsonField vocabulary)
    {
        var tokens = new List<byte[]?>();
        foreach (var entry in vocabulary.Items())
            tokens.Add(Encoding.UTF8.GetBytes(EntryPart(entry, 0).String()));

        return tokens.Count > 0 ? tokens : throw vocabulary.Refuse("is empty", "Export the tokenizer again with save_pretrained");
    }

    private static JsonField EntryPart(JsonField entry, int part)
    {
        return entry.Value.ValueKind == JsonValueKind.Array && entry.Value.GetArrayLength() == 2
            ? new JsonField(entry.Value[part], entry.File, $"{entry.Path}[{part}]")
            : throw entry.Refuse("is not a token and its score", "Export the tokenizer again with save_pretrained");
    }

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
            int id = field.Count(Tokens.Count - 1);
            unknown = new UnknownToken(Encoding.UTF8.GetString(Tokens[id]!), id);
        }

        ImmutableArray<double> scores = [.. _model["vocab"].Items().Select(e => EntryPart(e, 1).Number())];
        return new UnigramModel(Vocabulary, scores, unknown, _model.Flag("byte_fallback"));
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

        byte[] Affix(string name) => _model.Optional(name) is { } affix ? Encoding.UTF8.GetBytes(affix.String()) : [];
    }

    private MergeTable ReadMerges(JsonField merges)
    {
        byte[] continuation = ReadAffixes()?.Continuation ?? [];
        var table = new MergeTable(merges.Value.ValueKind == JsonValueKind.Array ? merges.Value.GetArrayLength() : 0);
        int rank = 0;
        foreach (var merge in merges.Items())
        {
            if (merge.Value.ValueKind == JsonValueKind.String && merge.String().StartsWith("#version", StringComparison.Ordinal))
                continue;

            var (left, right) = ReadMerge(merge);
            if (!right.AsSpan().StartsWith(continuation))
                throw merge.Refuse("has a second token without model.continuing_subword_prefix", "Export the tokenizer again with save_pretrained");

            table.Add(IdOf(left), IdOf(right), rank++, IdOf([.. left, .. right.AsSpan(continuation.Length)]));

            int IdOf(byte[] token)
            {
                int id = Vocabulary.IdOf(token);
                return id >= 0
                    ? id
                    : throw merge.Refuse($"needs the token '{Encoding.UTF8.GetString(token)}', which model.vocab does not have", "Export the tokenizer again with save_pretrained");
            }
        }

        return table;
    }

    private static (byte[] Left, byte[] Right) ReadMerge(JsonField merge)
    {
        string[] parts = merge.Value.ValueKind == JsonValueKind.Array ? [.. merge.Items().Select(i => i.String())] : merge.String().Split(' ');
        return parts.Length == 2
            ? (Encoding.UTF8.GetBytes(parts[0]), Encoding.UTF8.GetBytes(parts[1]))
            : throw merge.Refuse("is not a pair of tokens", "Export the tokenizer again with save_pretrained");
    }
}
