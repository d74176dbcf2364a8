using System.Buffers;
using System.Collections;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace EdgeSdk.Text;

/// <summary>What a <c>tokenizer.json</c> describes, ready to use.</summary>
internal sealed record TokenizerParts(
    ImmutableArray<AddedToken> AddedTokens,
    AddedTokenFinder RawTokens,
    Normalizer? Normalizer,
    AddedTokenFinder NormalizedTokens,
    PreTokenizer? PreTokenizer,
    Vocabulary Vocabulary,
    BytePairModel Model,
    TokenDecoder Decoder,
    ImmutableArray<int> Prefix,
    ImmutableArray<int> Suffix);

/// <summary>
/// Reads <c>tokenizer.json</c>, the format of Hugging Face's tokenizers. What is not known is refused by name, never skipped: a tokenizer that ignores a step gives ids that
/// are wrong now and then. <c>truncation</c> and <c>padding</c> are for batches and play no part here, as in transformers.
/// </summary>
internal sealed class TokenizerFile
{
    /// <summary>The file's name in a model folder.</summary>
    public const string Name = "tokenizer.json";

    private const int HighestId = (1 << 22) - 1;
    public const string UseKnown = "Use a tokenizer made of what is supported, or convert it";

    private readonly JsonField _root;
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer? _preTokenizer;
    private bool _isByteLevel;

    private TokenizerFile(JsonField root)
    {
        _root = root;
        _normalizer = root.Optional("normalizer") is { } normalizer ? ReadNormalizer(normalizer) : null;
        _preTokenizer = root.Optional("pre_tokenizer") is { } preTokenizer ? ReadPreTokenizer(preTokenizer) : null;
    }

    /// <summary>Reads the file's content.</summary>
    public static TokenizerParts Read(ReadOnlyMemory<byte> utf8, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8);
            return new TokenizerFile(new JsonField(document.RootElement, name, "")).ReadParts();
        }
        catch (JsonException exception)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{name} is not JSON: {exception.Message} Export the tokenizer again with save_pretrained.", exception);
        }
        catch (InvalidOperationException exception)
        {
            // What System.Text.Json throws for a string that is not Unicode (half a surrogate pair).
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{name} holds a text that is not Unicode. Export the tokenizer again with save_pretrained.", exception);
        }
    }

    private TokenizerParts ReadParts()
    {
        var model = _root["model"];
        string type = model.Optional("type") is { } field ? field.String() : model.Optional("merges") is null ? "" : "BPE";
        if (type != "BPE")
        {
            throw model["type"].Refuse("is not a model that is supported (BPE is)", UseKnown);
        }

        var tokens = ReadVocabulary(model["vocab"]);
        var vocabulary = new Vocabulary(tokens);
        var added = ReadAddedTokens(vocabulary);
        var (prefix, suffix) = _root.Optional("post_processor") is { } processor ? ReadPostProcessor(processor) : ([], []);
        return new TokenizerParts(
            added,
            new AddedTokenFinder(added.Where(t => !t.Normalized).Select(t => (t, Encoding.UTF8.GetBytes(t.Content)))),
            _normalizer,
            new AddedTokenFinder(added.Where(t => t.Normalized).Select(t => (t, Normalize(t.Content)))),
            _preTokenizer,
            vocabulary,
            ReadModel(model, vocabulary),
            ReadDecoder(tokens, added),
            prefix,
            suffix);
    }

    private static List<byte[]?> ReadVocabulary(JsonField vocabulary)
    {
        var tokens = new List<byte[]?>();
        foreach (var (token, field) in vocabulary.Members())
        {
            int id = field.Count(HighestId);
            while (tokens.Count <= id)
            {
                tokens.Add(null);
            }

            if (tokens[id] is { } other)
            {
                throw field.Refuse($"is also the id of '{Encoding.UTF8.GetString(other)}'", "Give each token an id of its own");
            }

            tokens[id] = Encoding.UTF8.GetBytes(token);
        }

        return tokens;
    }

    private ImmutableArray<AddedToken> ReadAddedTokens(Vocabulary vocabulary)
    {
        var tokens = new Dictionary<string, AddedToken>();
        foreach (var field in _root.Optional("added_tokens")?.Items() ?? [])
        {
            string content = field["content"].String();
            int id = field["id"].Count(HighestId);
            int known = vocabulary.IdOf(Encoding.UTF8.GetBytes(content));
            if (known >= 0 && known != id)
            {
                throw field["id"].Refuse($"is not the id that model.vocab gives '{content}' ({known})", "Make the two agree");
            }

            if (known < 0 && id < vocabulary.Count && !vocabulary[id].IsEmpty)
            {
                throw field["id"].Refuse($"is in model.vocab the id of '{Encoding.UTF8.GetString(vocabulary[id])}', not of '{content}'", "Make the two agree");
            }

            var token = new AddedToken(
                id, content, field.Flag("single_word"), field.Flag("lstrip"), field.Flag("rstrip"), field.Flag("normalized", !field.Flag("special")), field.Flag("special"));
            if (!tokens.TryAdd(content, token))
            {
                throw field.Refuse("repeats the content of an added token before it", "Leave one of the two out");
            }
        }

        return [.. tokens.Values];
    }

    private byte[] Normalize(string content)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(content);
        if (_normalizer is null)
        {
            return utf8;
        }

        var normalized = new ArrayBufferWriter<byte>();
        _normalizer.Apply(utf8, normalized);
        return normalized.WrittenSpan.ToArray();
    }

    private static Normalizer ReadNormalizer(JsonField field)
    {
        var type = field["type"];
        return type.String() switch
        {
            "NFC" => new Normalizer.Nfc(),
            "Prepend" => new Normalizer.Prepend(Encoding.UTF8.GetBytes(field["prepend"].String())),
            "Replace" => ReadReplace(field),
            "Sequence" => new Normalizer.Sequence([.. field["normalizers"].Items().Select(ReadNormalizer)]),
            _ => throw type.Refuse("is not a normalizer that is supported (NFC, Prepend, Replace, Sequence are)", UseKnown),
        };
    }

    public static Normalizer ReadReplace(JsonField field)
    {
        byte[] content = Encoding.UTF8.GetBytes(field["content"].String());
        return field["pattern"].Optional("String") is { } text
            ? new Normalizer.Replace(NotEmpty(text), content)
            : new Normalizer.ReplaceMatches(ReadPattern(field["pattern"]), content);
    }

    private static byte[] NotEmpty(JsonField text) =>
        text.String() is { Length: > 0 } value ? Encoding.UTF8.GetBytes(value) : throw text.Refuse("is empty", "Write what is to be found");

    private static Pattern ReadPattern(JsonField pattern)
    {
        if (pattern.Optional("String") is { } text)
        {
            NotEmpty(text);
            return Pattern.Literal(text.String());
        }

        var regex = pattern["Regex"];
        try
        {
            return Pattern.Parse(regex.String());
        }
        catch (FormatException exception)
        {
            throw regex.Refuse($"has {exception.Message}, which is not supported", "Write the pattern without it", exception);
        }
    }

    private PreTokenizer ReadPreTokenizer(JsonField field)
    {
        var type = field["type"];
        if (_isByteLevel)
        {
            throw type.Refuse("stands after ByteLevel, which must be the last", "Move ByteLevel to the end");
        }

        switch (type.String())
        {
            case "ByteLevel":
                _isByteLevel = true;
                return new PreTokenizer.ByteLevel(field.Flag("add_prefix_space", true), field.Flag("use_regex", true));
            case "Split":
                return new PreTokenizer.Split(ReadPattern(field["pattern"]), field.Flag("invert"), ReadBehavior(field["behavior"]));
            case "Digits":
                return new PreTokenizer.Digits(field.Flag("individual_digits"));
            case "Sequence":
                return new PreTokenizer.Sequence([.. field["pretokenizers"].Items().Select(ReadPreTokenizer)]);
            default:
                throw type.Refuse("is not a pre-tokenizer that is supported (ByteLevel, Digits, Sequence, Split are)", UseKnown);
        }
    }

    private static SplitBehavior ReadBehavior(JsonField behavior) => behavior.String() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw behavior.Refuse("is not a behavior", "Known are Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"),
    };

    private BytePairModel ReadModel(JsonField model, Vocabulary vocabulary)
    {
        foreach (string name in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Optional(name) is { } affix && affix.String().Length > 0)
            {
                throw affix.Refuse("is not supported", "Use a tokenizer whose tokens carry no affix");
            }
        }

        if (model.Optional("dropout") is { } dropout && !(dropout.Value.ValueKind == JsonValueKind.Number && dropout.Value.GetDouble() == 0))
        {
            throw dropout.Refuse("would make tokenizing random", "Set it to null");
        }

        int? unknown = null;
        if (model.Optional("unk_token") is { } token)
        {
            int id = vocabulary.IdOf(Encoding.UTF8.GetBytes(token.String()));
            unknown = id >= 0 ? id : throw token.Refuse("is not in model.vocab", "Add it there, or set it to null");
        }

        return new BytePairModel(
            vocabulary,
            ReadMerges(model["merges"], vocabulary),
            new UnknownCharacters(model.Flag("byte_fallback"), unknown, model.Flag("fuse_unk")),
            _isByteLevel,
            model.Flag("ignore_merges"));
    }

    private static MergeTable ReadMerges(JsonField merges, Vocabulary vocabulary)
    {
        var table = new MergeTable(merges.Value.ValueKind == JsonValueKind.Array ? merges.Value.GetArrayLength() : 0);
        int rank = 0;
        foreach (var merge in merges.Items())
        {
            var (left, right) = ReadMerge(merge);
            table.Add(IdOf(left), IdOf(right), rank++, IdOf(left + right));

            int IdOf(string token)
            {
                int id = vocabulary.IdOf(Encoding.UTF8.GetBytes(token));
                return id >= 0 ? id : throw merge.Refuse($"needs the token '{token}', which model.vocab does not have", "Export the tokenizer again with save_pretrained");
            }
        }

        return table;
    }

    private static (string Left, string Right) ReadMerge(JsonField merge)
    {
        string[] parts = merge.Value.ValueKind == JsonValueKind.Array ? [.. merge.Items().Select(i => i.String())] : merge.String().Split(' ');
        return parts.Length == 2 ? (parts[0], parts[1]) : throw merge.Refuse("is not a pair of tokens", "Export the tokenizer again with save_pretrained");
    }

    private static (ImmutableArray<int> Prefix, ImmutableArray<int> Suffix) ReadPostProcessor(JsonField field)
    {
        var type = field["type"];
        switch (type.String())
        {
            case "ByteLevel":
                // It moves offsets only.
                return ([], []);
            case "TemplateProcessing":
                return ReadTemplate(field);
            case "Sequence":
                ImmutableArray<int> prefix = [], suffix = [];
                foreach (var step in field["processors"].Items().Select(ReadPostProcessor))
                {
                    prefix = [.. step.Prefix, .. prefix];
                    suffix = [.. suffix, .. step.Suffix];
                }

                return (prefix, suffix);
            default:
                throw type.Refuse("is not a post-processor that is supported (ByteLevel, Sequence, TemplateProcessing are)", UseKnown);
        }
    }

    private static (ImmutableArray<int> Prefix, ImmutableArray<int> Suffix) ReadTemplate(JsonField field)
    {
        var before = ImmutableArray.CreateBuilder<int>();
        var after = ImmutableArray.CreateBuilder<int>();
        bool hasText = false;
        foreach (var piece in field["single"].Items())
        {
            if (piece.Optional("SpecialToken") is { } special)
            {
                var ids = field["special_tokens"][special["id"].String()]["ids"].Items().Select(i => i.Count(HighestId));
                (hasText ? after : before).AddRange(ids);
                continue;
            }

            string sequence = piece["Sequence"]["id"].String();
            hasText = sequence == "A" && !hasText ? true : throw piece.Refuse("is not the one text, A", "Write the template for a single text");
        }

        return hasText ? (before.ToImmutable(), after.ToImmutable()) : throw field["single"].Refuse("leaves the text out", "Add {\"Sequence\":{\"id\":\"A\"}}");
    }

    private TokenDecoder ReadDecoder(List<byte[]?> modelTokens, ImmutableArray<AddedToken> added)
    {
        var tokens = new List<byte[]?>(modelTokens);
        foreach (var token in added)
        {
            while (tokens.Count <= token.Id)
            {
                tokens.Add(null);
            }

            tokens[token.Id] = Encoding.UTF8.GetBytes(token.Content);
        }

        var special = new BitArray(tokens.Count);
        foreach (var token in added)
        {
            special[token.Id] = token.Special;
        }

        var decoding = new TokenDecoderReader(_root.Optional("decoder"));
        return decoding.Read(tokens, special);
    }
}
