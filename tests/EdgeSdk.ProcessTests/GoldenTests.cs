using System.Globalization;
using System.Text.Json;

namespace EdgeSdk.ProcessTests;

/// <summary>Other implementations' results, through the commands that a user has.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("deepseek_v3")]
    public async Task A_converted_checkpoint_generates_what_transformers_does(string architecture)
    {
        using var scratch = new Scratch();
        var converted = await Edge.RunAsync("convert", Edge.Data($"hf/{architecture}"), scratch["out"], "--to", "onnx", "--precision", "fp32");
        Assert.True(converted.Exit == 0, converted.Errors);

        await GeneratesAsync(scratch["out"], architecture);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public Task A_folder_of_genais_builder_generates_what_transformers_does(string architecture) => GeneratesAsync(Edge.Data($"genai/{architecture}-fp32"), architecture);

    [Fact]
    public async Task An_int4_folder_of_genais_builder_runs()
    {
        var generated = await Edge.RunAsync("generate", "--model", Edge.Data("genai/qwen2-int4"), "--tokens", "1,2,3", "--max-tokens", "16", "--ignore-eos", "--json");

        Assert.Equal(16, generated.Json.GetProperty("tokens").GetArrayLength());
    }

    [Fact]
    public async Task A_trained_model_tells_its_golden_story()
    {
        string source = Edge.External("models/stories260k");
        using var scratch = new Scratch();
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(source, "golden.json")));
        int[] greedy = Integers(golden.RootElement.GetProperty("greedy"));
        Assert.Equal(0, (await Edge.RunAsync("convert", source, scratch["out"], "--to", "onnx", "--precision", "fp32")).Exit);

        var story = await Edge.RunAsync("generate", "--model", scratch["out"], "--tokens", "1", "--max-tokens", $"{greedy.Length}", "--temperature", "0", "--ignore-eos", "--json");
        var text = await Edge.RunAsync("detokenize", "--model", scratch["out"], "--ids", string.Join(',', greedy), "--json");

        Assert.Equal(greedy, Integers(story.Json.GetProperty("tokens")));
        Assert.StartsWith("Once upon a time", text.Json.GetProperty("text").GetString()!.TrimStart(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("phi3")]
    [InlineData("qwen_style")]
    public async Task Tokenizers_give_the_references_ids_both_ways(string name)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Edge.Data($"tokenizers/{name}/cases.json")));
        string special = golden.RootElement.GetProperty("add_special_tokens").GetBoolean() ? "--json" : "--no-special";
        var all = golden.RootElement.GetProperty("cases");
        foreach (var golden1 in all.EnumerateArray().Where((_, i) => i % Math.Max(1, all.GetArrayLength() / 4) == 0))
        {
            string text = golden1.GetProperty("text").GetString()!;
            int[] ids = Integers(golden1.GetProperty("ids"));
            var tokenized = await Edge.RunWithInputAsync(text, "tokenize", "--model", Edge.Data($"tokenizers/{name}"), "-", "--json", special);
            var detokenized = await Edge.RunAsync("detokenize", "--model", Edge.Data($"tokenizers/{name}"), "--ids", string.Join(',', ids), "--json");

            Assert.Equal(ids, Integers(tokenized.Json.GetProperty("ids")));
            Assert.Equal(golden1.GetProperty("decoded").GetString(), detokenized.Json.GetProperty("text").GetString());
        }
    }

    [Fact]
    public async Task Standard_input_is_taken_untrimmed()
    {
        var given = await Edge.RunWithInputAsync(" a\n", "tokenize", "--model", Edge.Device, "-", "--json");
        var text = await Edge.RunAsync("detokenize", "--model", Edge.Device, "--ids", string.Join(',', Integers(given.Json.GetProperty("ids"))), "--json");
        var none = await Edge.RunAsync("detokenize", "--model", Edge.Device, "--ids", "", "--json");

        Assert.Equal(" a\n", text.Json.GetProperty("text").GetString());
        Assert.Equal("", none.Json.GetProperty("text").GetString());
    }

    private static async Task GeneratesAsync(string folder, string architecture)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Edge.Data($"hf/{architecture}/golden.json")));
        foreach (var expected in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string prompt = string.Join(',', Integers(expected.GetProperty("prompt")).Select(id => id.ToString(CultureInfo.InvariantCulture)));
            var generated = await Edge.RunAsync(
                "generate", "--model", folder, "--tokens", prompt, "--max-tokens", "48", "--temperature", "0", "--ignore-eos", "--logits", "--json");

            Assert.Equal(Integers(expected.GetProperty("greedy")), Integers(generated.Json.GetProperty("tokens")));
            Assert.All(
                Numbers(expected.GetProperty("last_logits")).Zip(Numbers(generated.Json.GetProperty("prompt_logits"))),
                pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        }
    }

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetInt32())];

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetDouble())];
}
