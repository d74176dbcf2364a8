using EdgeSdk.Modeling;
using EdgeSdk.Models;
using Microsoft.ML.OnnxRuntime;

namespace EdgeSdk.Tests.Modeling;

/// <summary>The graph of the layer that predicts the token after the next one (multi-token prediction).</summary>
public sealed class SecondTokenTests : IDisposable
{
    private const int Capacity = 64, Layer = 3, Hidden = 64, Vocabulary = 512;
    private const double Epsilon = 1e-6;

    private readonly string _root = Directory.CreateTempSubdirectory("edge-mtp-").FullName;
    private readonly int[] _text = [.. Enumerable.Range(0, 24).Select(i => (i * 97 + 11) % Vocabulary)];

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>
    /// The golden: what the layer reads is written out here; behind it stands a decoder of that one layer, whose kind of graph agrees with transformers. Its
    /// embeddings are what the layer reads, place by place.
    /// </summary>
    [Fact]
    public async Task It_is_one_more_layer_over_the_next_token_and_the_main_models_state()
    {
        CheckpointCopy main = WithSecondToken("main");
        var (_, states) = Step(await ConvertAsync(main.Write(), "main-model"));
        float[] read = [.. Enumerable.Range(0, _text.Length - 1).SelectMany(i => Read(main, states.AsSpan(i * Hidden, Hidden), _text[i + 1]))];

        var alone = new CheckpointCopy("deepseek_v3", Path.Combine(_root, "alone"));
        foreach (string name in alone.Tensors.Keys.Where(n => n.StartsWith("model.layers.", StringComparison.Ordinal)).ToArray())
            alone.Tensors.Remove(name);

        foreach (var (name, tensor) in main.Tensors.Where(t => t.Key.StartsWith($"model.layers.{Layer}.", StringComparison.Ordinal)))
            alone.Tensors[name.Replace($"layers.{Layer}.", "layers.0.", StringComparison.Ordinal)] = tensor;

        (alone.Config["num_hidden_layers"], alone.Config["first_k_dense_replace"]) = (1, 0);
        alone.Tensors["model.norm.weight"] = main.Tensors[$"model.layers.{Layer}.shared_head.norm.weight"];
        read.CopyTo(alone.Tensors["model.embed_tokens.weight"].Values, 0);
        using var reference = new DecoderRun(await ConvertAsync(alone.Write(), "alone-model"), Capacity);
        float[] expected = reference.Step([.. Enumerable.Range(0, _text.Length - 1)], _text.Length - 1);

        using var run = new SecondTokenRun(Path.Combine(_root, "main-model"));
        var (logits, _) = run.Step(_text.AsSpan(1), states.AsSpan(0, (_text.Length - 1) * Hidden));
        Assert.All(expected.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public async Task It_goes_on_over_its_own_cache()
    {
        var (_, states) = Step(await ConvertAsync(WithSecondToken("main").Write(), "model"));
        using var run = new SecondTokenRun(Path.Combine(_root, "model"));
        var (whole, hidden) = run.Step(_text.AsSpan(1), states.AsSpan(0, (_text.Length - 1) * Hidden));
        run.Length = 0;
        run.Step(_text.AsSpan(1, 20), states.AsSpan(0, 20 * Hidden));
        var (rest, _) = run.Step(_text.AsSpan(21), states.AsSpan(20 * Hidden, 3 * Hidden));

        Assert.Equal(23 * Hidden, hidden.Length);
        Assert.All(whole[(20 * Vocabulary)..].Zip(rest), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public async Task The_states_that_it_reads_are_those_that_the_main_models_head_reads()
    {
        CheckpointCopy main = WithSecondToken("main");
        var (logits, states) = Step(await ConvertAsync(main.Write(), "model"));
        float[] head = main.Tensors["lm_head.weight"].Values;
        for (int token = 0; token < Vocabulary; token++)
        {
            double logit = Enumerable.Range(0, Hidden).Sum(i => (double)states[^(Hidden - i)] * head[token * Hidden + i]);
            Assert.Equal(logit, logits[^(Vocabulary - token)], 1e-4);
        }
    }

    [Fact]
    public async Task A_checkpoint_whose_layer_was_left_out_converts_without_it()
    {
        var copy = new CheckpointCopy("deepseek_v3", Path.Combine(_root, "source"));
        copy.Config["num_nextn_predict_layers"] = 1;
        ModelFolder folder = await ConvertAsync(copy.Write(), "model");

        Assert.Equal(["step"], folder.Manifest!.Graphs.Select(graph => graph.Role));
        Assert.False(folder.Outputs.ContainsKey("hidden"));
    }

    /// <summary>The golden checkpoint with its last layer once more behind it, and what joins a token with a state drawn at random.</summary>
    private CheckpointCopy WithSecondToken(string name)
    {
        var copy = new CheckpointCopy("deepseek_v3", Path.Combine(_root, name));
        copy.Config["num_nextn_predict_layers"] = 1;
        string last = $"model.layers.{Layer - 1}.", own = $"model.layers.{Layer}.";
        foreach (var (tensor, value) in copy.Tensors.Where(t => t.Key.StartsWith(last, StringComparison.Ordinal)).ToArray())
            copy.Tensors[own + tensor[last.Length..]] = value;

        var random = new Random(5);
        float[] Drawn(int count, double middle, double width) => [.. Enumerable.Range(0, count).Select(_ => (float)(middle + width * (random.NextDouble() - 0.5)))];
        copy.Tensors[own + "enorm.weight"] = ([Hidden], Drawn(Hidden, 1, 0.5));
        copy.Tensors[own + "hnorm.weight"] = ([Hidden], Drawn(Hidden, 1, 0.5));
        copy.Tensors[own + "shared_head.norm.weight"] = ([Hidden], Drawn(Hidden, 1, 0.5));
        copy.Tensors[own + "eh_proj.weight"] = ([Hidden, 2 * Hidden], Drawn(2 * Hidden * Hidden, 0, 0.3));
        return copy;
    }

    /// <summary>eh_proj [enorm(embedding); hnorm(state)].</summary>
    private static float[] Read(CheckpointCopy checkpoint, ReadOnlySpan<float> state, int token)
    {
        float[] Weight(string name) => checkpoint.Tensors[$"model.layers.{Layer}.{name}.weight"].Values;
        float[] projection = Weight("eh_proj");
        double[] joined =
        [
            .. Normed(checkpoint.Tensors["model.embed_tokens.weight"].Values.AsSpan(token * Hidden, Hidden), Weight("enorm")),
            .. Normed(state, Weight("hnorm")),
        ];
        return [.. Enumerable.Range(0, Hidden).Select(row => (float)joined.Select((value, i) => value * projection[row * 2 * Hidden + i]).Sum())];
    }

    private static double[] Normed(ReadOnlySpan<float> x, float[] scale)
    {
        double[] values = [.. x.ToArray().Select(value => (double)value)];
        double root = Math.Sqrt(values.Average(value => value * value) + Epsilon);
        return [.. values.Zip(scale, (value, factor) => value / root * factor)];
    }

    private async Task<ModelFolder> ConvertAsync(string source, string name)
    {
        var cancel = TestContext.Current.CancellationToken;
        string folder = Path.Combine(_root, name);
        await Converter.ConvertAsync(source, folder, cancellationToken: cancel);
        return ModelFolder.Open(folder, cancellationToken: cancel);
    }

    private (float[] Logits, float[] Hidden) Step(ModelFolder folder)
    {
        using var run = new SecondTokenRun(folder.Directory, "step");
        return run.Step(_text, []);
    }

    /// <summary>A graph of a folder by its role, run over one sequence by ONNX Runtime alone.</summary>
    private sealed class SecondTokenRun : IDisposable
    {
        private readonly EdgeManifest.GraphEntry _graph;
        private readonly InferenceSession _session;
        private readonly RunOptions _runOptions = new();
        private readonly Dictionary<string, OrtValue> _cache = [];

        public SecondTokenRun(string folder, string role = "mtp")
        {
            _graph = ModelFolder.Open(folder).Manifest!.Graphs.Single(g => g.Role == role);
            using var options = new SessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
            _session = new InferenceSession(Path.Combine(folder, _graph.File), options);
            foreach (string input in _graph.Inputs.Keys.Where(key => key.StartsWith("past_", StringComparison.Ordinal) && key != "past_length"))
            {
                long[] shape = [1, _session.InputMetadata[_graph.Inputs[input]].Dimensions[1], Capacity, _session.InputMetadata[_graph.Inputs[input]].Dimensions[3]];
                _cache[input] = OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate(1L, (a, b) => a * b)], shape);
            }
        }

        /// <summary>Rows taken in.</summary>
        public int Length { get; set; }

        public (float[] Logits, float[] Hidden) Step(ReadOnlySpan<int> tokens, ReadOnlySpan<float> states)
        {
            using var binding = _session.CreateIoBinding();
            binding.BindInput(_graph.Inputs["tokens"], OrtValue.CreateTensorValueFromMemory([.. tokens.ToArray().Select(t => (long)t)], [1, tokens.Length]));
            binding.BindInput(_graph.Inputs["past_length"], OrtValue.CreateTensorValueFromMemory(new long[] { Length }, [1]));
            if (_graph.Inputs.TryGetValue("hidden", out string? hiddenInput))
                binding.BindInput(hiddenInput, OrtValue.CreateTensorValueFromMemory(states.ToArray(), [1, tokens.Length, Hidden]));

            float[] logits = new float[tokens.Length * Vocabulary], hidden = new float[tokens.Length * Hidden];
            binding.BindOutput(_graph.Outputs["logits"], OrtValue.CreateTensorValueFromMemory(logits, [1, tokens.Length, Vocabulary]));
            binding.BindOutput(_graph.Outputs["hidden"], OrtValue.CreateTensorValueFromMemory(hidden, [1, tokens.Length, Hidden]));
            foreach (var (input, value) in _cache)
            {
                binding.BindInput(_graph.Inputs[input], value);
                binding.BindOutput(_graph.Outputs[input.Replace("past", "present", StringComparison.Ordinal)], value);
            }

            _session.RunWithBinding(_runOptions, binding);
            Length += tokens.Length;
            return (logits, hidden);
        }

        public void Dispose()
        {
            foreach (var value in _cache.Values)
                value.Dispose();

            _runOptions.Dispose();
            _session.Dispose();
        }
    }
}
