using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>The special tokens that go around a text.</summary>
internal readonly record struct Surroundings(ImmutableArray<int> Before, ImmutableArray<int> After)
{
    public static Surroundings None { get; } = new([], []);
}

/// <summary>Reads the <c>post_processor</c> of a <c>tokenizer.json</c>. What it does with pairs of texts, offsets and type ids plays no part here.</summary>
internal static class PostProcessorReader
{
    private const int MostTokens = 1000;

    public static Surroundings Read(JsonField field)
    {
        var all = Surroundings.None;
        foreach (var step in TokenizerFile.StepsOf(field, "processors").Select(ReadStep))
            all = new Surroundings([.. step.Before, .. all.Before], [.. all.After, .. step.After]);

        return all;
    }

    private static Surroundings ReadStep(JsonField field)
    {
        var type = field["type"];
        return type.String() switch
        {
            "ByteLevel" => Surroundings.None,
            "BertProcessing" or "RobertaProcessing" => new Surroundings([ReadPairedId(field["cls"])], [ReadPairedId(field["sep"])]),
            "TemplateProcessing" => ReadTemplate(field),
            _ => throw type.Refuse(
                "is not a post-processor that is supported (BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing are)", TokenizerFile.UseKnown),
        };
    }

    /// <summary><c>["[CLS]", 101]</c>.</summary>
    private static int ReadPairedId(JsonField pair) => pair.Items().Take(3).ToArray() is [_, var id]
        ? id.Count(TokenizerFile.HighestId)
        : throw pair.Refuse("is not a token and its id", "Export the tokenizer again with save_pretrained");

    private static Surroundings ReadTemplate(JsonField field)
    {
        var before = ImmutableArray.CreateBuilder<int>();
        var after = ImmutableArray.CreateBuilder<int>();
        bool hasText = false;
        if (field.Optional("special_tokens")?.Members().Count() > MostTokens)
            throw field["special_tokens"].Refuse($"has more than {MostTokens} members", "Leave some out");

        foreach (var piece in field["single"].Items())
        {
            if (before.Count + after.Count > MostTokens || piece.Index > MostTokens)
                throw field["single"].Refuse($"adds more than {MostTokens} tokens", "Leave some out");

            if (piece.Optional("SpecialToken") is { } special)
            {
                var ids = field["special_tokens"][special["id"].String()]["ids"].Items().Select(i => i.Count(TokenizerFile.HighestId));
                (hasText ? after : before).AddRange(ids.Take(MostTokens + 1));
                continue;
            }

            string sequence = piece["Sequence"]["id"].String();
            hasText = sequence == "A" && !hasText ? true : throw piece.Refuse("is not the one text, A", "Write the template for a single text");
        }

        return hasText ? new Surroundings(before.ToImmutable(), after.ToImmutable()) : throw field["single"].Refuse("leaves the text out", "Add {\"Sequence\":{\"id\":\"A\"}}");
    }
}
