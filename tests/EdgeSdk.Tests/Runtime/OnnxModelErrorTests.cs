using System.Text.Json.Nodes;
using EdgeSdk.Runtime;

namespace EdgeSdk.Tests.Runtime;

public sealed class OnnxModelErrorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("edge-model-").FullName;

    public OnnxModelErrorTests()
    {
        foreach (var file in Directory.GetFiles(Assets.Data("genai/qwen2-fp32")))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("model.onnx")]
    [InlineData("model.onnx.data")]
    public async Task A_truncated_file_is_an_invalid_model_that_names_the_graph(string file)
    {
        using (var stream = File.OpenWrite(Path.Combine(_folder, file)))
            stream.SetLength(stream.Length / 2);

        var e = await Assert.ThrowsAsync<EdgeException>(LoadAsync);

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(Path.Combine(_folder, "model.onnx"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_graph_is_named()
    {
        File.Delete(Path.Combine(_folder, "model.onnx"));

        var e = await Assert.ThrowsAsync<EdgeException>(LoadAsync);

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(Path.Combine(_folder, "model.onnx"), e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_input_that_the_graph_does_not_have_is_named_with_its_role()
    {
        Configure(model => model["decoder"]!["inputs"]!["past_key_names"] = "cache.%d.key");

        var e = await Assert.ThrowsAsync<EdgeException>(LoadAsync);

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains("'cache.0.key'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_input_that_nobody_would_feed_is_named()
    {
        Configure(model => model["decoder"]!["num_hidden_layers"] = 2);

        var e = await Assert.ThrowsAsync<EdgeException>(LoadAsync);

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains("'past_key_values.2.key'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_vocabulary_of_another_size_than_the_logits_is_refused()
    {
        Configure(model => model["vocab_size"] = 500);

        var e = await Assert.ThrowsAsync<EdgeException>(LoadAsync);

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains("500", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 256, nameof(OnnxModelOptions.MinimumRows))]
    [InlineData(2, 8, nameof(OnnxModelOptions.PrefillChunk))]
    public async Task An_option_outside_its_range_is_named(int minimumRows, int chunk, string named)
    {
        var e = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => LoadAsync(new OnnxModelOptions { MinimumRows = minimumRows, PrefillChunk = chunk }));

        Assert.Equal(named, e.ParamName);
    }

    private Task<OnnxModel> LoadAsync() => LoadAsync(new OnnxModelOptions());

    private Task<OnnxModel> LoadAsync(OnnxModelOptions options) =>
        OnnxModel.LoadAsync(_folder, options, cancellationToken: TestContext.Current.CancellationToken);

    private void Configure(Action<JsonNode> change)
    {
        var path = Path.Combine(_folder, "genai_config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        change(config["model"]!);
        File.WriteAllText(path, config.ToJsonString());
    }
}
