using System.Globalization;
using EdgeSdk.Onnx;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Modeling;

/// <summary>A converted decoder: its graph, what the graph's inputs and outputs are called by role, and the sizes that its users ask for.</summary>
internal sealed record DecoderGraph(
    ModelProto Model,
    IReadOnlyDictionary<string, string> Inputs,
    IReadOnlyDictionary<string, string> Outputs,
    DecoderSizes Sizes);

/// <summary>The sizes that every decoder's config.json has.</summary>
internal sealed record DecoderSizes(int Hidden, int Intermediate, int Layers, int Heads, int KeyValueHeads, int HeadSize, int Vocabulary, int Context, float Epsilon)
{
    public static DecoderSizes Read(CheckpointConfig config)
    {
        int hidden = config.Int("hidden_size"), heads = config.Int("num_attention_heads");
        if (!config.Has("head_dim") && hidden % heads != 0)
            throw config.Invalid("num_attention_heads", $"hidden_size {hidden} is no multiple of it, and there is no head_dim");

        return new(
            hidden,
            config.Int("intermediate_size"),
            config.Int("num_hidden_layers"),
            heads,
            config.Int("num_key_value_heads", absent: heads),
            config.Int("head_dim", absent: hidden / heads),
            config.Int("vocab_size"),
            config.Int("max_position_embeddings"),
            (float)config.Number("rms_norm_eps", absent: 1e-6));
    }
}

/// <summary>
/// What all decoders have in common: tokens are embedded, each layer adds an attention and a feed-forward block to the residual stream, and the head gives
/// logits for the rows from <c>first_logit</c> on, so that only wanted rows pay for it.
/// </summary>
internal sealed class DecoderGraphBuilder
{
    private readonly Checkpoint _checkpoint;
    private readonly Dictionary<string, string> _inputs = [], _outputs = [];

    public DecoderGraphBuilder(Checkpoint checkpoint, int operatorSet, int irVersion)
    {
        _checkpoint = checkpoint;
        var config = checkpoint.Config;
        config.Only("hidden_act", "silu");
        config.Without("quantization_config", "quantised weights are not taken; take the float32 or bfloat16 checkpoint");
        Sizes = DecoderSizes.Read(config);
        Graph = new GraphBuilder(config.Text("model_type"), operatorSet, irVersion);
        Weights = new CheckpointWeights(Graph, checkpoint);
    }

    /// <summary>The sizes; an architecture whose cache differs from what config.json says by these names sets its own.</summary>
    public DecoderSizes Sizes { get; set; }

    public GraphBuilder Graph { get; }

    public CheckpointWeights Weights { get; }

    /// <summary>Declares an input under a role.</summary>
    public Value Input(string role, string name, DataType type, params ReadOnlySpan<Dimension> shape)
    {
        _inputs.Add(role, name);
        return Graph.Input(name, type, shape);
    }

    /// <summary>Declares the keys or the values (<paramref name="kind"/>: key, value) that a layer's cache [batch, heads, slots, size] holds.</summary>
    public Value Past(string kind, int layer, params ReadOnlySpan<Dimension> shape) =>
        Input(Role("past", kind, layer), $"past_key_values.{layer}.{kind}", DataType.Float, shape);

    /// <summary>Declares them as they are after the pass.</summary>
    public void Present(string kind, int layer, Value value, params ReadOnlySpan<Dimension> shape) =>
        Output(Role("present", kind, layer), $"present.{layer}.{kind}", value, shape);

    /// <summary>Rows of the embedding.</summary>
    /// <param name="tokens">int64 [batch, rows].</param>
    public Value Embed(Value tokens) => Weights.Rows(tokens, "model.embed_tokens.weight", Sizes.Vocabulary, Sizes.Hidden);

    /// <summary>A decoder around its layers' blocks.</summary>
    /// <param name="residual">What the first layer reads, [batch, rows, hidden].</param>
    /// <param name="batch">The first dimension.</param>
    /// <param name="layers">The checkpoint's layers, in their order.</param>
    /// <param name="finalNorm">The norm behind the last one.</param>
    /// <param name="givesHidden">Whether the normalised states of the wanted rows are an output too, for the layer that predicts one token more.</param>
    /// <param name="attention">The attention block of a layer over its normalised input [batch, rows, hidden].</param>
    /// <param name="feedForward">Its feed-forward block.</param>
    public DecoderGraph Build(
        Value residual, Dimension batch, Range layers, string finalNorm, bool givesHidden, Func<int, Value, Value> attention, Func<int, Value, Value> feedForward)
    {
        _inputs.Add("first_logit", "first_logit");
        var firstLogit = Graph.InputWithDefault("first_logit", [0]);
        int first = layers.Start.Value, end = layers.End.Value;
        var normed = Graph.RmsNorm(residual, Norm(first, "input_layernorm"), Sizes.Epsilon);
        for (int i = first; i < end; i++)
        {
            using (Graph.Scope($"layers.{i}/attention"))
                (normed, residual) = Graph.AddRmsNorm(residual, attention(i, normed), Norm(i, "post_attention_layernorm"), Sizes.Epsilon);

            var next = i + 1 < end ? Norm(i + 1, "input_layernorm") : Weights.Vector(finalNorm, Sizes.Hidden);
            using (Graph.Scope($"layers.{i}/mlp"))
                (normed, residual) = Graph.AddRmsNorm(residual, feedForward(i, normed), next, Sizes.Epsilon);
        }

        var wanted = Graph.SliceFrom(normed, firstLogit, axis: 1);
        string head = _checkpoint.Config.Flag("tie_word_embeddings", absent: false) ? "model.embed_tokens.weight" : "lm_head.weight";
        Output("logits", "logits", Weights.Product(wanted, head, Sizes.Vocabulary, Sizes.Hidden), batch, "logit_rows", Sizes.Vocabulary);
        if (givesHidden)
            Output("hidden", "hidden_states", wanted, batch, "logit_rows", Sizes.Hidden);

        return new DecoderGraph(Graph.Build("EdgeSdk"), _inputs, _outputs, Sizes);
    }

    /// <summary>down(silu(gate x) * up x).</summary>
    public Value SwiGlu(Value x, string prefix, int width)
    {
        var wide = Weights.LinearSideBySide(x, Sizes.Hidden, ($"{prefix}.gate_proj", width), ($"{prefix}.up_proj", width));
        var parts = Graph.Split(wide, -1, width, width);
        return Weights.Linear(Graph.Silu(parts[0]) * parts[1], $"{prefix}.down_proj", Sizes.Hidden, width);
    }

    private Value Norm(int layer, string name) => Weights.Vector($"model.layers.{layer}.{name}.weight", Sizes.Hidden);

    private void Output(string role, string name, Value value, params ReadOnlySpan<Dimension> shape)
    {
        _outputs.Add(role, name);
        Graph.Output(name, value, DataType.Float, shape);
    }

    private static string Role(string when, string kind, int layer) => $"{when}_{kind}.{layer.ToString(CultureInfo.InvariantCulture)}";
}
