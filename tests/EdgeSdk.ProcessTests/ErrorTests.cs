namespace EdgeSdk.ProcessTests;

/// <summary>Bad input: an exit code for scripts, and a line for people that names the file, the field, the value and what to do.</summary>
public sealed class ErrorTests
{
    private const string Nobody = "http://127.0.0.1:1";

    [Theory]
    [InlineData("generate --model {device}")]
    [InlineData("generate --model {device} --prompt Hi --max-tokens 0")]
    [InlineData("generate --model {device} --prompt Hi --temperature -1")]
    [InlineData("generate --model {device} --tokens 1,x")]
    [InlineData("frobnicate")]
    [InlineData("ask --device {device} --route somewhere Hi")]
    [InlineData("ask --device {device} --route together Hi")]
    [InlineData("verify-lossless --device {device}")]
    [InlineData("bench --network --device {device} --server {server} --rounds 0")]
    public async Task Wrong_usage_is_2(string arguments) => (await RunAsync(arguments)).Failed(2, "edge");

    [Theory]
    [InlineData("generate --model {none} --prompt Hi")]
    [InlineData("serve {none}")]
    [InlineData("convert {none} {out} --to onnx --precision fp32")]
    [InlineData("tokenize --model {none} Hi")]
    public async Task A_missing_folder_is_1_and_is_named(string arguments)
    {
        using var scratch = new Scratch();
        (await RunAsync(arguments, scratch)).Failed(1, scratch["none"]);
        Assert.False(Path.Exists(scratch["out"]));
    }

    [Theory]
    [InlineData("model.onnx")]
    [InlineData("model.safetensors")]
    public async Task A_truncated_file_is_1_and_is_named(string file)
    {
        using var scratch = new Scratch();
        string model = scratch.Copy(Edge.Device), path = Path.Combine(model, file);
        Truncate(path);
        (await Edge.RunAsync("generate", "--model", model, "--prompt", "Hi")).Failed(1, file, "bytes");

        File.Delete(Path.Combine(model, "edge.json"));
        (await Edge.RunAsync("generate", "--model", model, "--prompt", "Hi")).Failed(1, file);
    }

    [Fact]
    public async Task A_file_that_is_not_the_manifests_is_1_and_is_named()
    {
        using var scratch = new Scratch();
        string model = scratch.Copy(Edge.Device), path = Path.Combine(model, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);

        (await Edge.RunAsync("generate", "--model", model, "--prompt", "Hi")).Failed(1, path, "edge.json");
    }

    [Theory]
    [InlineData("verify-lossless --device {device} --server {server} --dialogues {none}")]
    [InlineData("serve {server} --token-file {none}")]
    [InlineData("generate --model {device} --prompt Hi --schema {none}")]
    [InlineData("generate --model {device} --prompt Hi --grammar {none}")]
    public async Task A_missing_file_is_1_and_is_named(string arguments)
    {
        using var scratch = new Scratch();
        (await RunAsync(arguments, scratch)).Failed(1, scratch["none"]);
    }

    [Theory]
    [InlineData("--schema", """{"type":"object","patternProperties":{}}""", "#/patternProperties")]
    [InlineData("--grammar", "root ::= digit\n", "digit")]
    [InlineData("--grammar", """root ::= [\U8001F600]""", "U8001F600")]
    public async Task A_constraint_that_cannot_be_is_2_and_says_where(string option, string source, string where)
    {
        using var scratch = new Scratch();
        File.WriteAllText(scratch["constraint"], source);
        (await Edge.RunAsync("generate", "--model", Edge.Device, "--prompt", "Hi", option, scratch["constraint"])).Failed(2, option, scratch["constraint"], where);
    }

    [Fact]
    public async Task A_truncated_checkpoint_is_1_and_leaves_nothing_behind()
    {
        using var scratch = new Scratch();
        string source = scratch.Copy(Edge.Data("hf/qwen2"));
        Truncate(Path.Combine(source, "model.safetensors"));

        (await Edge.RunAsync("convert", source, scratch["out"], "--to", "onnx", "--precision", "fp32")).Failed(1, "model.safetensors");
        Assert.Equal([source], Directory.EnumerateFileSystemEntries(scratch.Folder));
    }

    [Fact]
    public async Task A_folder_that_exists_is_not_written_over_without_force()
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["out"]);
        string[] convert = ["convert", Edge.Data("hf/qwen2"), scratch["out"], "--to", "onnx", "--precision", "fp32"];

        (await Edge.RunAsync(convert)).Failed(1, scratch["out"], "--force");
        Assert.Empty(Directory.EnumerateFileSystemEntries(scratch["out"]));
        Assert.Equal(0, (await Edge.RunAsync([.. convert, "--force"])).Exit);
        Assert.True(File.Exists(Path.Combine(scratch["out"], "model.onnx")));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""")]
    public async Task A_tokenizer_that_is_none_is_1_and_is_named(string content)
    {
        using var scratch = new Scratch();
        File.WriteAllText(scratch["tokenizer.json"], content);

        (await Edge.RunAsync("tokenize", "--model", scratch.Folder, "Hi")).Failed(1, scratch["tokenizer.json"]);
    }

    [Fact]
    public async Task An_id_beyond_the_vocabulary_is_2_and_is_named() =>
        (await RunAsync("detokenize --model {device} --ids 9,99999,3")).Failed(2, "99999", "0 to ");

    [Fact]
    public async Task Standard_input_that_is_not_UTF_8_is_2_and_its_byte_is_named()
    {
        var tokenized = await Edge.RunWithInputAsync([(byte)'a', 0xC3, 0xA9, 0xFF], "tokenize", "--model", Edge.Device);

        tokenized.Failed(2, "byte 3", "0xFF", "UTF-8");
    }

    [Theory]
    [InlineData("ask --device {device} --server " + Nobody + " --route server Hi")]
    [InlineData("ask --device {device} --server " + Nobody + " --route together Hi")]
    [InlineData("ask --server " + Nobody + " Hi")]
    [InlineData("verify-lossless --device {device} --server " + Nobody + " --dialogues samples/data/dialogues.jsonl --count 1")]
    public async Task A_server_that_cannot_be_reached_is_3(string arguments) => (await RunAsync(arguments)).Failed(3, "127.0.0.1:1", "cannot be reached");

    [Fact]
    public async Task Without_a_server_Auto_goes_on_alone_and_says_so()
    {
        var answer = await Edge.RunAsync("ask", "--device", Edge.Device, "--server", Nobody, "--json", "I want to find a restaurant in San Jose");

        Assert.Equal("device", answer.Json.GetProperty("route").GetString());
        Assert.Contains("no server answers", answer.Json.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.NotEqual(0, answer.Json.GetProperty("tokens").GetInt32());
    }

    [Fact]
    public async Task A_token_is_not_sent_in_cleartext_off_this_machine()
    {
        using var scratch = new Scratch();
        File.WriteAllText(scratch["token"], "secret-token-of-the-test");
        var refused = await Edge.RunAsync("ask", "--server", "http://192.0.2.1:5005", "--token-file", scratch["token"], "Hi");

        refused.Failed(2, "cleartext", "https");
        Assert.DoesNotContain("secret-token-of-the-test", refused.Errors, StringComparison.Ordinal);
    }

    private static Task<Ended> RunAsync(string arguments, Scratch? scratch = null) => Edge.RunAsync([.. arguments.Split(' ').Select(word => word switch
    {
        "{device}" => Edge.Device,
        "{server}" => Edge.Server,
        "{none}" => scratch!["none"],
        "{out}" => scratch!["out"],
        _ => word,
    })]);

    private static void Truncate(string path)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(file.Length / 2);
    }
}
