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

    private const int HighestId = (1 << 22) - 1;

    /// <summary>Reads the file's content.</summary>
    public static TokenizerParts Read(ReadOnlyMemory<byte> utf8, string name)
    {
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

    private static TokenizerParts Read(JsonField root)
    {
        var normalizer = root.Optional("normalizer") is { } field ? NormalizerReader.Read(field) : null;
        var model = ModelReader.Open(root["model"]);
        bool isByteLevel = false;
        var preTokenizer = root.Optional("pre_tokenizer") is { } cutter ? PreTokenizerReader.Read(cutter, model.ReadsBytes, out isByteLevel) : null;
        var added = ReadAddedTokens(root, model);
        return new TokenizerParts(
            added,
            new AddedTokenFinder(added.Where(t => !t.Normalized).Select(t => (t, Encoding.UTF8.GetBytes(t.Content)))),
            normalizer,
            new AddedTokenFinder(added.Where(t => t.Normalized).Select(t => (t, Normalize(normalizer, t.Content)))),
            preTokenizer,
            model.Vocabulary,
            model.ReadModel(isByteLevel),
            ReadDecoder(root, model.Tokens, added),
            root.Optional("post_processor") is { } processor ? PostProcessorReader.Read(processor) : Surroundings.None);
    }

    /// <summary>
    /// What the vocabulary does not have is numbered from its size on in the file's order, whatever ids the file gives: the reference implementation does so, and a model
    /// was trained with those ids.
    /// </summary>
    private static ImmutableArray<AddedToken> ReadAddedTokens(JsonField root, ModelReader model)
    {
        var tokens = new Dictionary<string, AddedToken>();
        int next = model.Tokens.Count(t => t is not null);
        foreach (var field in root.Optional("added_tokens")?.Items() ?? [])
        {
            string content = field["content"].String();
            int stated = field["id"].Count(HighestId);
            if (content.Length == 0)
                continue;

            int known = model.Vocabulary.IdOf(Encoding.UTF8.GetBytes(content));
            if (known >= 0 && known != stated)
                throw field["id"].Refuse($"is not the id that model.vocab gives '{content}' ({known})", "Make the two agree");

            int id = known >= 0 ? known : next++;
            if (known < 0 && (model.Vocabulary[stated] is { IsEmpty: false } other || !(other = model.Vocabulary[id]).IsEmpty))
                throw field["id"].Refuse($"is in model.vocab the id of '{Encoding.UTF8.GetString(other)}', not of '{content}'", "Make the two agree");

            var token = new AddedToken(
                id, content, field.Flag("single_word"), field.Flag("lstrip"), field.Flag("rstrip"), field.Flag("normalized", !field.Flag("special")), field.Flag("special"));
            if (!tokens.TryAdd(content, token))
                throw field.Refuse("repeats the content of an added token before it", "Leave one of the two out");
        }

        return [.. tokens.Values];
    }

    private static byte[] Normalize(Normalizer? normalizer, string content)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(content);
        if (normalizer is null)
            return utf8;

        var normalized = new ArrayBufferWriter<byte>();
        normalizer.Apply(utf8, normalized);
        return normalized.WrittenSpan.ToArray();
    }

    private static TokenDecoder ReadDecoder(JsonField root, List<byte[]?> modelTokens, ImmutableArray<AddedToken> added)
    {
        var tokens = new List<byte[]?>(modelTokens);
        foreach (var token in added)
        {
            while (tokens.Count <= token.Id)
                tokens.Add(null);

            tokens[token.Id] = Encoding.UTF8.GetBytes(token.Content);
        }

        // A vocabulary may have a special token's text twice: as the reference implementation does, the text decides.
        var specialTexts = added.Where(t => t.Special).Select(t => t.Content).ToHashSet();
        var special = new BitArray([.. tokens.Select(t => t is not null && specialTexts.Contains(Encoding.UTF8.GetString(t)))]);

        return new TokenDecoder(tokens, special, DecoderReader.Read(root.Optional("decoder")));
    }
}
