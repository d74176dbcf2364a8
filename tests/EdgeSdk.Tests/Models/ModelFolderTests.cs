using System.Text.Json.Nodes;
using EdgeSdk.Models;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Models;

public sealed class ModelFolderTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("edge-folder-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_genai_folder_is_opened_without_a_manifest()
    {
        var folder = Open(Assets.Data("genai/qwen2-int4"));

        Assert.Equal("qwen2", folder.Architecture);
        Assert.Equal(3, folder.Layers);
        Assert.Equal((2, 16), (folder.KeyValueHeads, folder.HeadSize));
        Assert.Equal((512, 512), (folder.Info.ContextLength, folder.Info.VocabularySize));
        Assert.Equal([1], folder.Info.EndTokens);
        Assert.Equal("input_ids", folder.Inputs["tokens"]);
        Assert.Equal("attention_mask", folder.Inputs["mask"]);
        Assert.Equal("past_key_values.2.value", folder.Inputs["past_value.2"]);
        Assert.Equal("present.0.key", folder.Outputs["present_key.0"]);
        Assert.Equal(Assets.Data("genai/qwen2-int4/tokenizer.json"), folder.TokenizerFile);
        Assert.Equal(Tokenizer.Load(folder.TokenizerFile!).Fingerprint, folder.Info.VocabularyFingerprint);
        Assert.Contains("Hello", folder.ReadChatTemplate()!.Render([new JsonObject { ["role"] = "user", ["content"] = "Hello" }], null, true), StringComparison.Ordinal);
    }

    [Fact]
    public void An_identity_depends_on_every_model_file_and_on_nothing_else()
    {
        string before = Open(CopyGenai()).Info.Identity;

        File.WriteAllText(Path.Combine(_root, "README.md"), "words");
        Assert.Equal(before, Open(_root).Info.Identity);

        File.AppendAllText(Path.Combine(_root, "chat_template.jinja"), " ");
        Assert.NotEqual(before, Open(_root).Info.Identity);
    }

    [Fact]
    public void A_manifest_says_what_the_model_is()
    {
        var manifest = WriteManifest();

        var folder = Open(_root);

        Assert.Equal("tiny", folder.Info.Name);
        Assert.Equal(manifest.Identity, folder.Info.Identity);
        Assert.Equal("first_logit", folder.Inputs["first_logit"]);
        Assert.Equal(new RoutingThresholds(4, -0.5), folder.Routing);
        Assert.Equal(1, folder.Layers);
    }

    [Fact]
    public void Calls_stay_with_the_device_unless_its_manifest_says_otherwise()
    {
        WriteManifest();
        string file = Path.Combine(_root, "edge.json");
        ModelJson.Write(file, Open(_root).Manifest! with { Routing = new(4, -0.5, Calls: false) }, ModelJson.EdgeManifest);
        Assert.False(Open(_root).Routing!.Calls);

        Edit("edge.json", json => json["routing"]!.AsObject().Remove("calls"));
        Assert.True(Open(_root).Routing!.Calls);
    }

    [Fact]
    public void Fields_of_a_later_version_survive_a_rewrite()
    {
        WriteManifest();
        Edit("edge.json", json => json["later"] = new JsonArray(1, 2));

        string file = Path.Combine(_root, "edge.json");
        ModelJson.Write(file, Open(_root).Manifest! with { Routing = null }, ModelJson.EdgeManifest);

        Assert.Equal("[1,2]", JsonNode.Parse(File.ReadAllText(file))!["later"]!.ToJsonString());
    }

    [Theory]
    [InlineData("model.onnx")]
    [InlineData("model.onnx.data")]
    [InlineData("tokenizer.json")]
    [InlineData("genai_config.json")]
    public void Every_listed_file_that_changes_is_named(string file)
    {
        WriteManifest();
        string path = Path.Combine(_root, file);
        byte[] bytes = File.ReadAllBytes(path);

        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        if (file != "genai_config.json") // half of it is refused as JSON first
            AssertRefused(path, $"has {bytes.Length / 2} bytes", $"{bytes.Length}");

        bytes[^1] ^= 1;
        bytes[^1] = bytes[^1] is (byte)'|' ? (byte)' ' : bytes[^1];
        File.WriteAllBytes(path, bytes);
        AssertRefused(path);

        File.Delete(path);
        if (file != "genai_config.json")
            AssertRefused(path, "does not exist");
    }

    [Fact]
    public void Sizes_alone_are_compared_where_asked()
    {
        WriteManifest();
        string path = Path.Combine(_root, "model.onnx.data");
        byte[] bytes = File.ReadAllBytes(path);
        bytes[7] ^= 1;
        File.WriteAllBytes(path, bytes);

        Open(_root, ModelVerification.Sizes);
        AssertRefused(path, "SHA-256");
    }

    [Theory]
    [InlineData("../model.onnx")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../model.onnx")]
    [InlineData("..\\model.onnx")]
    [InlineData("C:model.onnx")]
    [InlineData("./model.onnx")]
    [InlineData("")]
    [InlineData("model.onnx\u0000")]
    public void A_name_that_leaves_the_folder_is_refused_wherever_it_stands(string name)
    {
        WriteManifest();
        Edit("edge.json", json => json["files"]![0]!["path"] = name);
        AssertRefused("edge.json", "files[].path");

        WriteManifest();
        Edit("edge.json", json => json["graphs"]![0]!["file"] = name);
        AssertRefused("edge.json", "graphs[].file");

        File.Delete(Path.Combine(_root, "edge.json"));
        Edit("genai_config.json", json => json["model"]!["decoder"]!["filename"] = name);
        AssertRefused("genai_config.json", "model.decoder.filename");
    }

    [Fact]
    public void A_link_that_leaves_the_folder_is_refused()
    {
        CopyGenai();
        string graph = Path.Combine(_root, "model.onnx");
        File.Delete(graph);
        File.CreateSymbolicLink(graph, Assets.Data("genai/qwen2-fp32/model.onnx"));

        AssertRefused("model.decoder.filename", "link");
    }

    [Fact]
    public void A_snapshot_of_links_into_the_caches_blobs_is_opened()
    {
        string blobs = Directory.CreateDirectory(Path.Combine(_root, "blobs")).FullName;
        string snapshot = Directory.CreateDirectory(Path.Combine(_root, "snapshots", "1a2b")).FullName;
        foreach (string file in Directory.GetFiles(Assets.Data("genai/qwen2-fp32")))
        {
            File.Copy(file, Path.Combine(blobs, Path.GetFileName(file) + ".blob"));
            File.CreateSymbolicLink(Path.Combine(snapshot, Path.GetFileName(file)), $"../../blobs/{Path.GetFileName(file)}.blob");
        }

        Assert.Equal(Open(Assets.Data("genai/qwen2-fp32")).Info.Identity, Open(snapshot).Info.Identity);
    }

    [Fact]
    public void A_folder_cannot_name_a_library_to_load()
    {
        CopyGenai();
        Edit("genai_config.json", json => json["model"]!["decoder"]!["session_options"]!["custom_ops_library"] = "evil.so");
        AssertRefused("model.decoder.session_options.custom_ops_library", "evil.so", "Remove");
    }

    [Theory]
    [InlineData("format", "2")]
    [InlineData("context_length", "0")]
    [InlineData("vocabulary_size", "-1")]
    [InlineData("vocabulary_size", "\"big\"")]
    [InlineData("end_tokens", "[512]")]
    [InlineData("identity", "\"00\"")]
    [InlineData("vocabulary_fingerprint", "\"xyz\"")]
    [InlineData("graphs", "[]")]
    [InlineData("graphs", "[null]")]
    [InlineData("graphs", """[{"file":"model.onnx","role":"step","inputs":{"tokens":null},"outputs":{}}]""")]
    [InlineData("files", "[null]")]
    [InlineData("routing", """{"tokens":0,"threshold":-1}""")]
    [InlineData("name", "null")]
    public void A_manifest_that_cannot_be_right_is_refused_by_field(string field, string value)
    {
        WriteManifest();
        Edit("edge.json", json => json[field] = JsonNode.Parse(value));
        AssertRefused("edge.json", field);
    }

    [Theory]
    [InlineData("model", "context_length")]
    [InlineData("model", "vocab_size")]
    [InlineData("model.decoder", "num_hidden_layers")]
    [InlineData("model.decoder", "filename")]
    [InlineData("model", "eos_token_id")]
    public void A_genai_config_without_a_field_that_is_needed_is_refused_by_field(string section, string field)
    {
        CopyGenai();
        Edit("genai_config.json", json => section.Split('.').Aggregate((JsonNode)json, (node, name) => node[name]!).AsObject().Remove(field));
        AssertRefused("genai_config.json", field);
    }

    [Fact]
    public void Names_that_a_genai_config_leaves_out_are_the_usual_ones()
    {
        CopyGenai();
        Edit("genai_config.json", json => json["model"]!["decoder"]!.AsObject().Remove("inputs"));
        Edit("genai_config.json", json => json["model"]!["decoder"]!["outputs"]!.AsObject().Remove("logits"));

        var folder = Open(_root);

        Assert.Equal("input_ids", folder.Inputs["tokens"]);
        Assert.Equal("past_key_values.1.key", folder.Inputs["past_key.1"]);
        Assert.Equal("logits", folder.Outputs["logits"]);
    }

    [Theory]
    [InlineData("pipeline", "[]")]
    [InlineData("sliding_window", """{"window_size":64}""")]
    public void A_decoder_of_a_kind_that_is_not_supported_is_refused(string field, string value)
    {
        CopyGenai();
        Edit("genai_config.json", json => json["model"]!["decoder"]![field] = JsonNode.Parse(value));
        AssertRefused($"model.decoder.{field}", "not supported");
    }

    [Fact]
    public void A_folder_that_is_no_model_says_what_to_do()
    {
        AssertRefused("edge convert");
        File.WriteAllText(Path.Combine(_root, "config.json"), "{}");
        AssertRefused("edge convert", _root);
        Assert.Contains("does not exist", Assert.Throws<EdgeException>(() => Open(_root + "-")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_does_no_harm()
    {
        string file = Path.Combine(CopyGenai(), "genai_config.json");
        File.WriteAllText(file, File.ReadAllText(file), new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        Assert.Equal(3, Open(_root).Layers);
    }

    [Fact]
    public void Json_that_is_none_is_refused()
    {
        CopyGenai();
        File.WriteAllText(Path.Combine(_root, "genai_config.json"), "{\"model\":");
        AssertRefused("genai_config.json");
        File.WriteAllText(Path.Combine(_root, "genai_config.json"), "[]");
        AssertRefused("genai_config.json");
        File.WriteAllText(Path.Combine(_root, "genai_config.json"), new string('[', 100_000));
        AssertRefused("genai_config.json");
    }

    private static ModelFolder Open(string path, ModelVerification verification = ModelVerification.Hashes) =>
        ModelFolder.Open(path, verification, TestContext.Current.CancellationToken);

    private string CopyGenai()
    {
        foreach (string file in Directory.GetFiles(Assets.Data("genai/qwen2-fp32")))
            File.Copy(file, Path.Combine(_root, Path.GetFileName(file)), overwrite: true);

        return _root;
    }

    private EdgeManifest WriteManifest()
    {
        CopyGenai();
        var files = ModelFiles.Describe(_root, ModelFiles.Find(_root), TestContext.Current.CancellationToken);
        var manifest = new EdgeManifest
        {
            Format = 1,
            Name = "tiny",
            Architecture = "qwen2",
            ContextLength = 512,
            VocabularySize = 512,
            VocabularyFingerprint = null,
            EndTokens = [1],
            Precision = "fp32",
            Graphs =
            [
                new(
                    "model.onnx",
                    "step",
                    new Dictionary<string, string> { ["tokens"] = "t", ["first_logit"] = "first_logit", ["past_key.0"] = "pk", ["past_value.0"] = "pv" },
                    new Dictionary<string, string> { ["logits"] = "l", ["present_key.0"] = "k", ["present_value.0"] = "v" }),
            ],
            Files = files,
            Identity = ModelFiles.Identity(files),
            Routing = new(4, -0.5),
        };
        ModelJson.Write(Path.Combine(_root, "edge.json"), manifest, ModelJson.EdgeManifest);
        return manifest;
    }

    private void Edit(string file, Action<JsonObject> edit)
    {
        string path = Path.Combine(_root, file);
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    private void AssertRefused(params string[] words)
    {
        var e = Assert.Throws<EdgeException>(() => Open(_root));
        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.All(words, word => Assert.Contains(word, e.Message, StringComparison.Ordinal));
    }
}
