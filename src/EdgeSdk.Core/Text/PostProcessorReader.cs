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
    private const int HighestId = (1 << 22) - 1;

    public static Surroundings Read(JsonField field)
    {
        var type = field["type"];
        return type.String() switch
        {
            "ByteLevel" => Surroundings.None,
            "BertProcessing" or "RobertaProcessing" => new Surroundings([ReadPairedId(field["cls"])], [ReadPairedId(field["sep"])]),
            "TemplateProcessing" => ReadTemplate(field),
            "Sequence" => field["processors"].Items().Select(Read).Aggregate(
                Surroundings.None, (inner, step) => new Surroundings([.. step.Before, .. inner.Before], [.. inner.After, .. step.After])),
            _ => throw type.Refuse(
                "is not a post-processor that is supported (BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing are)", TokenizerFile.UseKnown),
        };
    }

    /// <summary><c>["[CLS]", 101]</c>.</summary>
    private static int ReadPairedId(JsonField pair)
    {
        var parts = pair.Items().ToArray();
        return parts.Length == 2 ? parts[1].Count(HighestId) : throw pair.Refuse("is not a token and its id", "Export the tokenizer again with save_pretrained");
    }

    private static Surroundings ReadTemplate(JsonField field)
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

        return hasText ? new Surroundings(before.ToImmutable(), after.ToImmutable()) : throw field["single"].Refuse("leaves the text out", "Add {\"Sequence\":{\"id\":\"A\"}}");
    }
}
