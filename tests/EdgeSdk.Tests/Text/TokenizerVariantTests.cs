using System.Text.Json.Nodes;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>The parts of the format one by one: a golden tokenizer with some of its parts exchanged, and what Hugging Face's tokenizers made of it.</summary>
public class TokenizerVariantTests
{
    private static readonly Lazy<JsonArray> Variants = new(() =>
        JsonNode.Parse(File.ReadAllBytes(Assets.Data("text/tokenizer_variants.json")))!["variants"]!.AsArray());

    public static TheoryData<string> Names => [.. Variants.Value.Select(v => (string)v!["name"]!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Encodes_and_decodes_as_the_reference_does(string name)
    {
        var variant = Variants.Value.Single(v => (string)v!["name"]! == name)!;
        var tokenizer = Build(variant);

        foreach (var item in variant["cases"]!.AsArray())
        {
            int[] ids = [.. item!["ids"]!.AsArray().Select(i => (int)i!)];
            Assert.Equal(ids, tokenizer.Encode((string)item["text"]!));
            Assert.Equal((string)item["decoded"]!, tokenizer.Decode(ids, skipSpecialTokens: true));
        }
    }

    private static Tokenizer Build(JsonNode variant)
    {
        var file = JsonNode.Parse(File.ReadAllBytes(Assets.Data($"tokenizers/{variant["base"]}/tokenizer.json")))!.AsObject();
        foreach (var (part, value) in variant["changes"]!.AsObject())
        {
            if (part == "model")
            {
                foreach (var (option, setting) in value!.AsObject())
                    file["model"]![option] = setting?.DeepClone();
            }
            else
            {
                file[part] = value?.DeepClone();
            }
        }

        return Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString()), (string)variant["name"]!);
    }
}
