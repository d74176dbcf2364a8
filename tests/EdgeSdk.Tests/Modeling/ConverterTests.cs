using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Modeling;
using EdgeSdk.Models;
using EdgeSdk.Tests.Runtime;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Modeling;

public sealed class ConverterTests : IDisposable
{
    private const int Capacity = 256;

    private readonly string _root = Directory.CreateTempSubdirectory("edge-convert-").FullName;

    public static TheoryData<string> Models => ["llama", "qwen2", "qwen3", "deepseek_v3"];

    private string Out => Path.Combine(_root, "out");

    private string Source => Path.Combine(_root, "source");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_converted_checkpoint_continues_every_golden_prompt_as_transformers_does(string model)
    {
        using var run = new DecoderRun(await ConvertAsync(Assets.Data($"hf/{model}")), Capacity);
        foreach (var golden in Golden.Read(model).Cases)
        {
            run.Length = 0;
            float[] logits = run.Step(golden.Prompt);
            Assert.All(golden.LastLogits.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
            run.Length = 0;
            Assert.Equal(golden.Greedy, run.Greedy(golden.Prompt, golden.Greedy.Length));
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task The_width_of_a_pass_leaves_no_trace_in_the_logits(string model)
    {
        using var run = new DecoderRun(await ConvertAsync(Assets.Data($"hf/{model}")), Capacity);
        int[] text = [.. Enumerable.Range(0, 240).Select(i => (i * 167 + 31) % 512)];
        float[] expected = run.Step(text, text.Length);

        foreach (int width in (int[])[2, 3, 5, 16])
        {
            run.Length = 0;
            var logits = new List<float>();
            for (int place = 0; place + width <= text.Length; place += width)
                logits.AddRange(run.Step(text.AsSpan(place, width), width));

            Assert.True(logits.SequenceEqual(expected[..logits.Count]), $"passes of {width} rows");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Wanted_rows_alone_have_the_logits_that_they_have_among_all(string model)
    {
        using var run = new DecoderRun(await ConvertAsync(Assets.Data($"hf/{model}")), Capacity);
        int[] text = [5, 6, 7, 8, 9, 10];
        float[] all = run.Step(text, text.Length);
        run.Length = 0;

        Assert.Equal(all[^(2 * 512)..], run.Step(text, 2));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Bfloat16_weights_stay_in_their_file_and_give_what_they_give_in_float32(string model)
    {
        var copy = new CheckpointCopy(model, Source);
        copy.Write(SafetensorsType.BF16);
        int[] text = [1, 2, 3, 300, 400];
        float[] logits;
        using (var run = new DecoderRun(await ConvertAsync(Source), Capacity))
            logits = run.Step(text, text.Length);

        using (var rounded = SafetensorsFile.Open(Path.Combine(Source, "model.safetensors")))
        {
            foreach (string name in copy.Tensors.Keys)
                copy.Tensors[name] = (copy.Tensors[name].Shape, rounded.ReadSingles(name));
        }

        copy.Write();
        using var reference = new DecoderRun(await ConvertAsync(Source, new() { Force = true }), Capacity);

        Assert.Equal(reference.Step(text, text.Length), logits);
    }

    [Fact]
    public async Task Weights_in_several_files_are_found_by_the_index()
    {
        int[] text = [1, 2, 3];
        float[] expected;
        using (var single = new DecoderRun(await ConvertAsync(Assets.Data("hf/qwen3")), Capacity))
            expected = single.Step(text);

        var folder = await ConvertAsync(new CheckpointCopy("qwen3", Source).Write(shards: 3), new() { Force = true });
        using var run = new DecoderRun(folder, Capacity);

        Assert.Equal(expected, run.Step(text));
        Assert.Equal(3, folder.Manifest!.Files.Count(f => f.Path.EndsWith(".safetensors", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Rotation_in_halves_gives_what_interleaved_rotation_gives_for_rows_in_its_order()
    {
        int[] text = [.. Enumerable.Range(100, 40)];
        float[] expected;
        using (var interleaved = new DecoderRun(await ConvertAsync(Assets.Data("hf/deepseek_v3")), Capacity))
            expected = interleaved.Step(text);

        // Per head of 24 + 16: the rotated rows (2i, 2i + 1) become (i, i + 8).
        static int Source(int row, int head, int nope) => row % head < nope ? row : row - row % head + nope + Pair(row % head - nope);
        static int Pair(int place) => place < 8 ? 2 * place : 2 * (place - 8) + 1;
        var copy = new CheckpointCopy("deepseek_v3", this.Source);
        copy.Config["rope_interleave"] = false;
        for (int layer = 0; layer < 3; layer++)
        {
            copy.ReorderRows($"model.layers.{layer}.self_attn.q_b_proj.weight", row => Source(row, 40, 24));
            copy.ReorderRows($"model.layers.{layer}.self_attn.kv_a_proj_with_mqa.weight", row => Source(row, 48, 32));
        }

        using var halves = new DecoderRun(await ConvertAsync(copy.Write(), new() { Force = true }), Capacity);
        Assert.All(expected.Zip(halves.Step(text)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    [Fact]
    public async Task Heads_too_small_for_the_attention_operator_are_rotated_before_it()
    {
        // Heads of 8 are heads of 16 whose other half is zero: pair i turns as fast where theta is the square, and q carries the other scale.
        int[] kept = [0, 1, 2, 3, 8, 9, 10, 11];
        int[] text = [.. Enumerable.Range(100, 40)];
        var copy = new CheckpointCopy("llama", Source);
        copy.Config["rope_parameters"] = new JsonObject { ["rope_theta"] = 10000 };
        foreach (string name in HeadMatrices())
            copy.Change(name, (row, _, value) => kept.Contains(row % 16) ? value : 0);

        float[] expected;
        using (var wide = new DecoderRun(await ConvertAsync(copy.Write()), Capacity))
            expected = wide.Step(text);

        copy.Config["rope_parameters"] = new JsonObject { ["rope_theta"] = 100 };
        copy.Config["head_dim"] = 8;
        foreach (string name in HeadMatrices())
            copy.TakeRows(name, row => kept.Contains(row % 16));

        for (int layer = 0; layer < 3; layer++)
        {
            copy.Change($"model.layers.{layer}.self_attn.q_proj.weight", (_, _, value) => value * MathF.Sqrt(0.5f));
            copy.TakeColumns($"model.layers.{layer}.self_attn.o_proj.weight", column => kept.Contains(column % 16));
        }

        using var narrow = new DecoderRun(await ConvertAsync(copy.Write(), new() { Force = true }), Capacity);
        Assert.All(expected.Zip(narrow.Step(text)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        float[] whole = narrow.Step([7, 8, 9], 3);
        narrow.Length -= 3;
        narrow.Step([7]);
        Assert.All(whole[512..].Zip(narrow.Step([8, 9], 2)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));

        static IEnumerable<string> HeadMatrices() =>
            from layer in Enumerable.Range(0, 3) from kind in "qkv" select $"model.layers.{layer}.self_attn.{kind}_proj.weight";
    }

    [Fact]
    public async Task Queries_without_a_latent_are_projected_directly()
    {
        // A latent as wide as its input, projected by the identity and normalised once more by ones, is the input.
        var copy = new CheckpointCopy("deepseek_v3", Source);
        copy.Config["q_lora_rank"] = 64;
        var random = new Random(3);
        for (int layer = 0; layer < 3; layer++)
        {
            string name = $"model.layers.{layer}.self_attn.";
            copy.Tensors[$"model.layers.{layer}.input_layernorm.weight"] = ([64], [.. Enumerable.Repeat(1f, 64)]);
            copy.Tensors[name + "q_a_layernorm.weight"] = ([64], [.. Enumerable.Repeat(1f, 64)]);
            copy.Tensors[name + "q_a_proj.weight"] = ([64, 64], [.. Enumerable.Range(0, 64 * 64).Select(i => i % 65 == 0 ? 1f : 0)]);
            copy.Tensors[name + "q_b_proj.weight"] = ([160, 64], [.. Enumerable.Range(0, 160 * 64).Select(_ => random.NextSingle() - 0.5f)]);
        }

        int[] text = [.. Enumerable.Range(100, 20)];
        float[] expected;
        using (var latent = new DecoderRun(await ConvertAsync(copy.Write()), Capacity))
            expected = latent.Step(text);

        copy.Config["q_lora_rank"] = null;
        for (int layer = 0; layer < 3; layer++)
            copy.Tensors[$"model.layers.{layer}.self_attn.q_proj.weight"] = copy.Tensors[$"model.layers.{layer}.self_attn.q_b_proj.weight"];

        using var direct = new DecoderRun(await ConvertAsync(copy.Write(), new() { Force = true }), Capacity);
        Assert.All(expected.Zip(direct.Step(text)), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    [Fact]
    public async Task A_trained_model_tells_its_golden_story()
    {
        string source = Assets.External("models/stories260k");
        using var golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(source, "golden.json")));
        int[] greedy = [.. golden.RootElement.GetProperty("greedy").EnumerateArray().Select(t => t.GetInt32())];

        using var run = new DecoderRun(await ConvertAsync(source), Capacity);

        Assert.Equal(greedy, run.Greedy([1], greedy.Length));
    }

    [Fact]
    public async Task The_folder_says_what_the_checkpoint_is()
    {
        var folder = await ConvertAsync(Assets.Data("hf/deepseek_v3"));

        Assert.Equal(("out", "deepseek_v3", "fp32"), (folder.Info.Name, folder.Architecture, folder.Precision));
        Assert.Equal((512, 512, 3), (folder.Info.VocabularySize, folder.Info.ContextLength, folder.Layers));
        Assert.Equal([1], folder.Info.EndTokens);
        Assert.Equal("past_length", folder.Inputs["past_length"]);
        Assert.Equal("deepseek_v3", folder.Manifest!.Source);
        Assert.Contains("model.safetensors", folder.Manifest.Files.Select(f => f.Path));
        Assert.NotNull(folder.TokenizerFile);
        Assert.Equal(Tokenizer.Load(Out).Fingerprint, folder.Info.VocabularyFingerprint);
        Assert.NotNull(folder.ReadChatTemplate());
    }

    [Fact]
    public async Task Equal_checkpoints_have_equal_identities()
    {
        string first = (await ConvertAsync(Assets.Data("hf/qwen2"))).Info.Identity;
        string again = (await ConvertAsync(Assets.Data("hf/qwen2"), new() { Force = true })).Info.Identity;
        string other = (await ConvertAsync(Assets.Data("hf/qwen3"), new() { Force = true })).Info.Identity;

        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
    }

    [Fact]
    public async Task Weights_lie_on_disk_once_and_are_not_in_the_graph()
    {
        new CheckpointCopy("qwen3", Source).Write();
        await ConvertAsync(Source);

        Assert.InRange(new FileInfo(Path.Combine(Out, "model.onnx")).Length, 1, 50_000);
        using (var file = new FileStream(Path.Combine(Source, "model.safetensors"), FileMode.Open, FileAccess.Write))
        {
            file.Position = file.Length - 1;
            file.WriteByte(77);
        }

        Assert.Equal(77, File.ReadAllBytes(Path.Combine(Out, "model.safetensors"))[^1]); // one file of two names
    }

    [Fact]
    public async Task A_checkpoint_is_made_runnable_where_it_lies()
    {
        new CheckpointCopy("qwen3", Source).Write(SafetensorsType.BF16);
        File.WriteAllText(Path.Combine(Source, "README.md"), "a model card");
        var cancel = TestContext.Current.CancellationToken;

        await Converter.ConvertAsync(Source, Source + "/", cancellationToken: cancel);
        using var run = new DecoderRun(ModelFolder.Open(Source, cancellationToken: cancel), Capacity);

        Assert.Equal(512, run.Step([1, 2]).Length);
        Assert.True(File.Exists(Path.Combine(Source, "README.md")));
        var e = await Assert.ThrowsAsync<EdgeException>(() => Converter.ConvertAsync(Source, Source, cancellationToken: cancel));
        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        await Converter.ConvertAsync(Source, Source, new() { Force = true }, cancellationToken: cancel);
    }

    [Fact]
    public async Task A_destination_that_exists_is_refused_unless_forced()
    {
        Directory.CreateDirectory(Out);
        File.WriteAllText(Path.Combine(Out, "precious"), "");

        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Assets.Data("hf/qwen3")));
        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        Assert.Contains(Out, e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Out, "precious")));

        await ConvertAsync(Assets.Data("hf/qwen3"), new() { Force = true });
        Assert.False(File.Exists(Path.Combine(Out, "precious")));
    }

    [Fact]
    public async Task A_destination_that_holds_the_checkpoint_is_never_replaced()
    {
        string source = new CheckpointCopy("qwen3", Path.Combine(Out, "hf")).Write();

        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(source, new() { Force = true }));

        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        Assert.True(File.Exists(Path.Combine(source, "model.safetensors")));
    }

    [Fact]
    public async Task A_checkpoint_without_a_tokenizer_converts_with_a_warning()
    {
        string source = new CheckpointCopy("qwen3", Source).Write();
        File.Delete(Path.Combine(source, "tokenizer.json"));
        var progress = new Recorder();

        var folder = await ConvertAsync(source, progress: progress);

        Assert.Null(folder.TokenizerFile);
        Assert.Null(folder.Info.VocabularyFingerprint);
        Assert.Equal(JsonValueKind.Null, JsonDocument.Parse(File.ReadAllText(Path.Combine(Out, "edge.json"))).RootElement.GetProperty("vocabulary_fingerprint").ValueKind);
        Assert.Contains(progress.Reports, r => r.IsWarning && r.Message.Contains("tokenizer.json", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_tokenizer_that_is_none_is_named()
    {
        string file = Path.Combine(new CheckpointCopy("qwen3", Source).Write(), "tokenizer.json");
        File.WriteAllText(file, "{}");

        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Source));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        AssertNothingLeft();
    }

    [Fact]
    public async Task The_random_pair_shares_one_vocabulary()
    {
        string? device = (await ConvertAsync(Assets.Data("hf/qwen3"))).Info.VocabularyFingerprint;
        string? server = (await ConvertAsync(Assets.Data("hf/deepseek_v3"), new() { Force = true })).Info.VocabularyFingerprint;

        Assert.Equal(device, server);
    }

    [Fact]
    public async Task Weights_that_no_graph_uses_are_mentioned()
    {
        var copy = new CheckpointCopy("qwen3", Source);
        copy.Tensors["model.layers.3.extra.weight"] = ([1], [1]);
        var progress = new Recorder();

        await ConvertAsync(copy.Write(), progress: progress);

        Assert.Contains(progress.Reports, r => r.IsWarning && r.Message.Contains("model.layers.3.extra.weight", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("qwen3", "model_type", "\"mamba\"")]
    [InlineData("qwen3", "hidden_size", "0")]
    [InlineData("qwen3", "hidden_size", "\"wide\"")]
    [InlineData("qwen3", "hidden_size", "null")]
    [InlineData("qwen3", "num_attention_heads", "3")]
    [InlineData("qwen3", "head_dim", "31")]
    [InlineData("qwen3", "hidden_act", "\"gelu\"")]
    [InlineData("qwen3", "use_sliding_window", "true")]
    [InlineData("qwen3", "layer_types", """["sliding_attention"]""")]
    [InlineData("qwen3", "tie_word_embeddings", "1")]
    [InlineData("qwen3", "rms_norm_eps", "-1")]
    [InlineData("qwen3", "quantization_config", """{"quant_method":"fp8"}""")]
    [InlineData("qwen3", "rope_parameters", """{"rope_type":"longrope"}""")]
    [InlineData("qwen3", "rope_parameters", "[]")]
    [InlineData("llama", "rope_parameters", """{"rope_type":"llama3","factor":8}""")]
    [InlineData("llama", "rope_parameters", """{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":64}""")]
    [InlineData("deepseek_v3", "n_group", "3")]
    [InlineData("deepseek_v3", "n_group", "null")]
    [InlineData("deepseek_v3", "n_group", "8")]
    [InlineData("deepseek_v3", "topk_group", "5")]
    [InlineData("deepseek_v3", "num_experts_per_tok", "5")]
    [InlineData("deepseek_v3", "n_routed_experts", "256")]
    [InlineData("deepseek_v3", "scoring_func", "\"softmax\"")]
    [InlineData("deepseek_v3", "kv_lora_rank", "-1")]
    [InlineData("deepseek_v3", "qk_rope_head_dim", "15")]
    public async Task A_field_that_cannot_be_right_is_named_and_leaves_nothing_behind(string model, string field, string value)
    {
        var copy = new CheckpointCopy(model, Source);
        copy.Config[field] = JsonNode.Parse(value);

        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(copy.Write()));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(Path.Combine(Source, "config.json"), e.Message, StringComparison.Ordinal);
        Assert.Contains(field.Replace("parameters", "", StringComparison.Ordinal), e.Message, StringComparison.Ordinal);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_tensor_that_is_missing_or_of_another_shape_is_named()
    {
        var copy = new CheckpointCopy("qwen3", Source);
        copy.Config["vocab_size"] = 500;
        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(copy.Write()));
        Assert.Contains("'model.embed_tokens.weight' is [512, 64] where config.json asks for [500, 64]", e.Message, StringComparison.Ordinal);

        copy.Config["vocab_size"] = 512;
        copy.Tensors.Remove("model.layers.1.mlp.up_proj.weight");
        e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(copy.Write()));
        Assert.Contains("model.layers.1.mlp.up_proj.weight", e.Message, StringComparison.Ordinal);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_truncated_checkpoint_leaves_nothing_behind()
    {
        string file = Path.Combine(new CheckpointCopy("qwen3", Source).Write(), "model.safetensors");
        using (var stream = new FileStream(file, FileMode.Open))
            stream.SetLength(stream.Length / 2);

        var e = await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Source));

        Assert.Contains(file, e.Message, StringComparison.Ordinal);
        AssertNothingLeft();
    }

    [Fact]
    public async Task A_checkpoint_without_its_files_says_which()
    {
        Directory.CreateDirectory(Source);
        Assert.Contains("config.json", (await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Source))).Message, StringComparison.Ordinal);

        File.Copy(Assets.Data("hf/qwen3/config.json"), Path.Combine(Source, "config.json"));
        Assert.Contains("model.safetensors", (await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Source))).Message, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(Source, "model.safetensors.index.json"), """{"weight_map":{"a":"../model.safetensors"}}""");
        Assert.Contains("weight_map", (await Assert.ThrowsAsync<EdgeException>(() => ConvertAsync(Source))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_conversion_leaves_nothing_behind()
    {
        using var cancel = new CancellationTokenSource();
        var progress = new Recorder(_ => cancel.Cancel());

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Converter.ConvertAsync(Assets.Data("hf/qwen3"), Out, null, progress, cancel.Token));

        AssertNothingLeft();
    }

    private void AssertNothingLeft() => Assert.DoesNotContain(Directory.GetFileSystemEntries(_root), entry => entry != Source);

    private async Task<ModelFolder> ConvertAsync(string source, ConvertOptions? options = null, IProgress<ConvertProgress>? progress = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        await Converter.ConvertAsync(source, Out, options, progress, cancel);
        return ModelFolder.Open(Out, cancellationToken: cancel);
    }

    private sealed class Recorder(Action<ConvertProgress>? then = null) : IProgress<ConvertProgress>
    {
        public List<ConvertProgress> Reports { get; } = [];

        public void Report(ConvertProgress value)
        {
            Reports.Add(value);
            then?.Invoke(value);
        }
    }
}
