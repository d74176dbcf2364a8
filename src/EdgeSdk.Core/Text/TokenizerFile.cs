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
    TokenModel Model,
    TokenDecoder Decoder,
    Surroundings Surroundings);

/// <summary>
/// Reads <c>tokenizer.json</c>, the format of Hugging Face's tokenizers. What is not known is refused by name, never skipped: a tokenizer that ignores a step gives ids that
/// are wrong now and then. <c>truncation</c> and <c>padding</c> are for batches and play no part here, as in transformers.
/// </summary>
internal static class TokenizerFile
{
    /// <summary>The file's name in a model folder.</summary>
    public const string Name = "tokenizer.json";

    /// <summary>The remedy where something is not supported.</summary>
    public const string UseKnown = "Use a tokenizer made of what is supported, or convert it";

    /// <summary>No id is higher.</summary>
    public const int HighestId = (1 << 24) - 1;

    /// <summary>The largest that are published have 70 MB.</summary>
    private const int LargestFile = 1 << 28;

    private const int MostSteps = 100;

    private const int MostAddedTokens = 1 << 18;

    /// <summary>What <see cref="JsonDocument"/> keeps for a value, and what else it may take.</summary>
    private const int BytesPerValue = 12, SpareBytes = 1 << 25;

    /// <summary>Reads the file.</summary>
    public static TokenizerParts Load(string path)
    {
        using var file = File.OpenRead(path);
        if (file.Length > LargestFile)
            throw TooLarge(path, file.Length);

        byte[] content = new byte[file.Length];
        file.ReadExactly(content);
        return Read(content, path);
    }

    /// <summary>Reads the file's content.</summary>
    public static TokenizerParts Read(ReadOnlyMemory<byte> utf8, string name)
    {
        if (utf8.Length > LargestFile)
            throw TooLarge(name, utf8.Length);

        if (MostValues(utf8.Span) * BytesPerValue > 2L * utf8.Length + SpareBytes)
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{name} has too many values for its {utf8.Length} bytes. Export the tokenizer again with save_pretrained.");

        try
        {
            using var document = JsonDocument.Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8);
            return Read(new JsonField(document.RootElement, name, ""));
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

    /// <summary>The steps of a normalizer, pre-tokenizer, post-processor or decoder, in order, those of a Sequence in its place.</summary>
    /// <param name="part">It.</param>
    /// <param name="list">Where a Sequence has its steps.</param>
    public static List<JsonField> StepsOf(JsonField part, string list)
    {
        var steps = new List<JsonField>();
        Add(part);
        return steps;

        void Add(JsonField step)
        {
            if (steps.Count == MostSteps)
                throw part.Refuse($"has more than {MostSteps} steps", "Leave some out");

            if (step["type"].String() != "Sequence")
            {
                steps.Add(step);
                return;
            }

            foreach (var inner in step[list].Items())
                Add(inner);
        }
    }

    /// <summary>No JSON of these bytes has more values; reading it takes memory for each.</summary>
    private static long MostValues(ReadOnlySpan<byte> utf8) => 1L + utf8.Count((byte)',') + utf8.Count((byte)':') + 2L * (utf8.Count((byte)'[') + utf8.Count((byte)'{'));

    private static EdgeException TooLarge(string name, long bytes) => new(
        EdgeErrorCode.InvalidModel, $"{name} has {bytes} bytes, more than the {LargestFile} that a tokenizer.json may have. Use a tokenizer of a smaller vocabulary.");

    private static TokenizerParts Read(JsonField root)
    {
        var normalizer = root.Optional("normalizer") is { } field ? NormalizerReader.Read(field) : null;
        var model = ModelReader.Open(root["model"]);
        bool isByteLevel = false;
        var preTokenizer = root.Optional("pre_tokenizer") is { } cutter ? PreTokenizerReader.Read(cutter, model.ReadsBytes, out isByteLevel) : null;
        var added = ReadAddedTokens(root, model);
        return new TokenizerParts(
            added,
            new AddedTokenFinder([.. added.Where(t => !t.Normalized)], normalizer: null),
            normalizer,
            new AddedTokenFinder([.. added.Where(t => t.Normalized)], normalizer),
            preTokenizer,
            model.Vocabulary,
            model.ReadModel(isByteLevel),
            ReadDecoder(root, model.Vocabulary.Tokens, added),
            root.Optional("post_processor") is { } processor ? PostProcessorReader.Read(processor) : Surroundings.None);
    }

    /// <summary>
    /// What the vocabulary has keeps its id there; what it does not have is numbered from its size on in the file's order, whatever ids the file gives: the reference
    /// implementation does so, and a model was trained with those ids.
    /// </summary>
    private static ImmutableArray<AddedToken> ReadAddedTokens(JsonField root, ModelReader model)
    {
        var tokens = new Dictionary<string, AddedToken>();
        int next = model.Vocabulary.Size;
        foreach (var field in root.Optional("added_tokens")?.Items() ?? [])
        {
            if (field.Index == MostAddedTokens)
                throw root["added_tokens"].Refuse($"has more than {MostAddedTokens} tokens", "Move them to model.vocab");

            string content = field["content"].String();
            int stated = field["id"].Count(HighestId);
            if (content.Length == 0)
                continue;

            int known = model.Vocabulary.IdOf(Encoding.UTF8.GetBytes(content));
            int id = known >= 0 ? known : next++;
            if (known < 0 && (model.Vocabulary[stated] is { IsEmpty: false } other || !(other = model.Vocabulary[id]).IsEmpty))
            {
                string texts = $"the id of '{JsonField.Shorten(Encoding.UTF8.GetString(other))}', not of '{JsonField.Shorten(content)}'";
                throw field["id"].Refuse("is in model.vocab " + texts, "Make the two agree");
            }

            var token = new AddedToken(
                id, content, field.Flag("single_word"), field.Flag("lstrip"), field.Flag("rstrip"), field.Flag("normalized", !field.Flag("special")), field.Flag("special"));
            if (!tokens.TryAdd(content, token))
                throw field.Refuse("repeats the content of an added token before it", "Leave one of the two out");
        }

        return [.. tokens.Values];
    }

    private static TokenDecoder ReadDecoder(JsonField root, TokenBytes modelTokens, ImmutableArray<AddedToken> added)
    {
        var tokens = new TokenBytes(modelTokens);
        foreach (var token in added)
            tokens.Set(token.Id, Encoding.UTF8.GetBytes(token.Content));

        // A vocabulary may have a special token's text twice: as the reference implementation does, the text decides.
        var specialTexts = new Vocabulary(TokenBytes.Of(added.Where(t => t.Special).Select(t => Encoding.UTF8.GetBytes(t.Content))));
        var special = new BitArray(tokens.Count);
        for (int id = 0; id < tokens.Count; id++)
            special[id] = tokens.Has(id) && specialTexts.IdOf(tokens[id]) >= 0;

        return new TokenDecoder(tokens, special, DecoderReader.Read(root.Optional("decoder")));
    }
}
