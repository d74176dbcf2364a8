using EdgeSdk.Onnx;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Modeling;

/// <summary>
/// The architecture <c>deepseek_v3</c> (arXiv 2412.19437): multi-head latent attention with its keys and values expanded into the cache, and feed-forward
/// blocks of shared and routed experts.
/// </summary>
/// <remarks>
/// The routed experts of a layer are computed densely, all of them for every token, as two wide products between which the router's gate stands: so a
/// token's values do not depend on which tokens are beside it in the pass. That is for models of few experts.
/// </remarks>
internal sealed class LatentDecoder
{
    /// <summary>More of them are too dear to compute for every token.</summary>
    private const int MostExperts = 64;

    /// <summary>The reference implementation leaves this at its default for the two norms inside of attention.</summary>
    private const float LatentEpsilon = 1e-6f;

    private readonly DecoderGraphBuilder _decoder;
    private readonly GraphBuilder _graph;
    private readonly CheckpointWeights _weights;
    private readonly DecoderSizes _sizes;
    private readonly LatentSizes _latent;
    private readonly ExpertSizes _experts;
    private readonly float _scoreScale;
    private readonly bool _interleaved;
    private readonly Value _tokens, _pastLength, _length, _cos, _sin;
    private readonly int _firstLayer;

    private LatentDecoder(Checkpoint checkpoint, int firstLayer)
    {
        _firstLayer = firstLayer;
        var config = checkpoint.Config;
        _latent = LatentSizes.Read(config);
        _experts = ExpertSizes.Read(config);
        _interleaved = config.Flag("rope_interleave", absent: true);
        var rotary = RotaryEmbedding.Read(config, _latent.Rope);
        _scoreScale = (float)(rotary.ScoreFactor / Math.Sqrt(_latent.Key));

        _decoder = new DecoderGraphBuilder(checkpoint, operatorSet: 24, irVersion: 11);
        (_graph, _weights) = (_decoder.Graph, _decoder.Weights);
        _sizes = _decoder.Sizes = _decoder.Sizes with { KeyValueHeads = _decoder.Sizes.Heads, HeadSize = _latent.Key };
        _tokens = _decoder.Input("tokens", "input_ids", DataType.Int64, 1, "sequence_length");
        _pastLength = _decoder.Input("past_length", "past_length", DataType.Int64, 1);
        _length = _pastLength + _graph.Size(_tokens, axis: 1);
        (_cos, _sin) = rotary.Tables(_graph, _sizes.Context);
    }

    /// <summary>The graph of a checkpoint.</summary>
    public static DecoderGraph Build(Checkpoint checkpoint)
    {
        var architecture = new LatentDecoder(checkpoint, firstLayer: 0);
        var embedded = architecture._decoder.Embed(architecture._tokens);
        return architecture.Build(embedded, 0..architecture._sizes.Layers, "model.norm.weight", PredictsSecondToken(checkpoint));
    }

    /// <summary>
    /// The layer behind the last one that predicts one token more (multi-token prediction, section 2.2 of the paper), a graph of its own; null where the
    /// checkpoint has none. Row i reads the main model's normalised state of token i (<c>hidden</c>) and token i + 1 (<c>tokens</c>), and its logits are
    /// those of token i + 2; its own <c>hidden</c> output takes the state's place for a second draft. Embedding and head are the main model's.
    /// </summary>
    public static DecoderGraph? BuildSecondToken(Checkpoint checkpoint)
    {
        if (!PredictsSecondToken(checkpoint))
            return null;

        int layer = SecondTokenLayer(checkpoint);
        var architecture = new LatentDecoder(checkpoint, layer);
        var (graph, weights, sizes) = (architecture._graph, architecture._weights, architecture._sizes);
        var state = architecture._decoder.Input("hidden", "previous_hidden_states", DataType.Float, 1, "sequence_length", sizes.Hidden);
        string name = $"model.layers.{layer}";
        var token = graph.RmsNorm(architecture._decoder.Embed(architecture._tokens), weights.Vector($"{name}.enorm.weight", sizes.Hidden), sizes.Epsilon);
        var both = graph.Concat(-1, token, graph.RmsNorm(state, weights.Vector($"{name}.hnorm.weight", sizes.Hidden), sizes.Epsilon));
        var residual = weights.Product(both, $"{name}.eh_proj.weight", sizes.Hidden, 2 * sizes.Hidden);
        return architecture.Build(residual, layer..(layer + 1), $"{name}.shared_head.norm.weight", givesHidden: true);
    }

    private DecoderGraph Build(Value residual, Range layers, string finalNorm, bool givesHidden) =>
        _decoder.Build(residual, 1, layers, finalNorm, givesHidden, Attention, FeedForward);

    /// <summary>Configurations keep num_nextn_predict_layers where the layer itself was left out: transformers saves none.</summary>
    private static bool PredictsSecondToken(Checkpoint checkpoint) =>
        checkpoint.Config.Int("num_nextn_predict_layers", least: 0, absent: 0) > 0 && checkpoint.Has($"model.layers.{SecondTokenLayer(checkpoint)}.eh_proj.weight");

    private static int SecondTokenLayer(Checkpoint checkpoint) => checkpoint.Config.Int("num_hidden_layers");

    /// <summary>Queries and keys keep their rotated part first, so that one operator rotates it in place; the products do not mind the order.</summary>
    private Value Attention(int layer, Value x)
    {
        string name = $"model.layers.{layer}.self_attn";
        var (query, compressed, sharedKey) = Project(x, name);
        query = PerHead(_graph.Rotate(query, _pastLength, _cos, _sin, _sizes.Heads, _latent.Rope, _interleaved), _latent.Key);

        var normed = _graph.RmsNorm(compressed, _weights.Vector($"{name}.kv_a_layernorm.weight", _latent.KeyValueRank), LatentEpsilon);
        var expanded = _weights.Product(normed, $"{name}.kv_b_proj.weight", _sizes.Heads * (_latent.Nope + _latent.Value), _latent.KeyValueRank);
        var parts = _graph.Split(PerHead(expanded, _latent.Nope + _latent.Value), -1, _latent.Nope, _latent.Value);
        var rotated = _graph.Unsqueeze(_graph.Rotate(sharedKey, _pastLength, _cos, _sin, 1, _latent.Rope, _interleaved), 1);
        var key = _graph.Concat(-1, _graph.Expand(rotated, _graph.Constant(1, _sizes.Heads, 1, 1)), parts[0]);

        int cache = layer - _firstLayer;
        var keys = _graph.TensorScatter(_decoder.Past("key", cache, 1, _sizes.Heads, "capacity", _latent.Key), key, _pastLength);
        var values = _graph.TensorScatter(_decoder.Past("value", cache, 1, _sizes.Heads, "capacity", _latent.Value), parts[1], _pastLength);
        _decoder.Present("key", cache, keys, 1, _sizes.Heads, "capacity", _latent.Key);
        _decoder.Present("value", cache, values, 1, _sizes.Heads, "capacity", _latent.Value);

        var attended = _graph.Transpose(_graph.Attention(query, keys, values, _length, _scoreScale), 0, 2, 1, 3);
        int width = _sizes.Heads * _latent.Value;
        return _weights.Linear(_graph.Reshape(attended, 0, 0, width), $"{name}.o_proj", _sizes.Hidden, width);
    }

    /// <summary>Queries [1, rows, heads * key size], the latent of keys and values, and the part of the key that all heads share.</summary>
    private (Value Query, Value Compressed, Value SharedKey) Project(Value x, string name)
    {
        long[] order = RotatedFirst();
        var (down, shared) = ($"{name}.kv_a_proj_with_mqa", _latent.KeyValueRank + _latent.Rope);
        if (_latent.QueryRank == 0)
        {
            var alone = _graph.Split(_weights.Linear(x, down, shared, _sizes.Hidden), -1, _latent.KeyValueRank, _latent.Rope);
            return (_weights.ProductReordered(x, $"{name}.q_proj.weight", _sizes.Hidden, order), alone[0], alone[1]);
        }

        var wide = _weights.LinearSideBySide(x, _sizes.Hidden, ($"{name}.q_a_proj", _latent.QueryRank), (down, shared));
        var parts = _graph.Split(wide, -1, _latent.QueryRank, _latent.KeyValueRank, _latent.Rope);
        var normed = _graph.RmsNorm(parts[0], _weights.Vector($"{name}.q_a_layernorm.weight", _latent.QueryRank), LatentEpsilon);
        return (_weights.ProductReordered(normed, $"{name}.q_b_proj.weight", _latent.QueryRank, order), parts[1], parts[2]);
    }

    /// <summary>The checkpoint's heads are [nope, rope]; this order makes them [rope, nope].</summary>
    private long[] RotatedFirst() =>
        [.. Enumerable.Range(0, _sizes.Heads * _latent.Key).Select(i => (long)(i / _latent.Key * _latent.Key + (i % _latent.Key + _latent.Nope) % _latent.Key))];

    /// <summary>[1, rows, heads * size] to [1, heads, rows, size].</summary>
    private Value PerHead(Value x, int size) => _graph.Transpose(_graph.Reshape(x, 0, 0, _sizes.Heads, size), 0, 2, 1, 3);

    private Value FeedForward(int layer, Value x)
    {
        string name = $"model.layers.{layer}.mlp";
        return layer < _experts.DenseLayers ? _decoder.SwiGlu(x, name, _sizes.Intermediate) : Experts(x, name);
    }

    /// <summary>The shared experts are as many more routed ones whose gate is always 1.</summary>
    private Value Experts(Value x, string name)
    {
        int all = _experts.Routed + _experts.Shared, width = _experts.Width;
        var blocks = Enumerable.Range(0, _experts.Routed).Select(e => (Name: $"{name}.experts.{e}", Width: width));
        if (_experts.Shared > 0)
            blocks = blocks.Append(($"{name}.shared_experts", _experts.Shared * width));

        var gateAndUp = blocks.Select(b => ($"{b.Name}.gate_proj", b.Width)).Concat(blocks.Select(b => ($"{b.Name}.up_proj", b.Width)));
        var parts = _graph.Split(_weights.LinearSideBySide(x, _sizes.Hidden, [.. gateAndUp]), -1, all * width, all * width);
        var perExpert = _graph.Reshape(_graph.Silu(parts[0]) * parts[1], 0, 0, all, width);
        var gate = _graph.Unsqueeze(_graph.PadLast(Gate(x, $"{name}.gate"), _experts.Shared, 1), 3);
        var gated = _graph.Reshape(perExpert * gate, 0, 0, all * width);
        return _weights.SumOfProducts(gated, _sizes.Hidden, [.. blocks.Select(b => ($"{b.Name}.down_proj.weight", b.Width))]);
    }

    /// <summary>
    /// [1, rows, routed experts]: the sigmoid scores of a token's best experts, 0 for the others. The correction bias takes part in the choice alone; experts
    /// are chosen from the groups whose two best sum highest.
    /// </summary>
    private Value Gate(Value x, string name)
    {
        var scores = _graph.Sigmoid(_weights.Product(x, $"{name}.weight", _experts.Routed, _sizes.Hidden));
        var biased = scores + _weights.Vector($"{name}.e_score_correction_bias", _experts.Routed);
        if (_experts.GroupsPerToken < _experts.Groups)
            biased = InBestGroups(biased);

        var chosen = scores * Best(biased, _experts.PerToken, _experts.Routed);
        if (_experts.IsNormalised)
            chosen /= _graph.ReduceSum(chosen, -1, keepDimension: true) + _graph.Scalar(1e-20f);

        return chosen * _graph.Scalar(_experts.Scaling);
    }

    private Value InBestGroups(Value biased)
    {
        var grouped = _graph.Reshape(biased, 0, 0, _experts.Groups, _experts.Routed / _experts.Groups);
        var score = _graph.ReduceSum(_graph.TopK(grouped, 2).Values, -1, keepDimension: false);
        var best = _graph.Unsqueeze(Best(score, _experts.GroupsPerToken, _experts.Groups), 3);
        return _graph.Reshape(grouped * best, 0, 0, _experts.Routed);
    }

    /// <summary>1 at the largest <paramref name="count"/> of the last axis, 0 elsewhere.</summary>
    private Value Best(Value scores, int count, int size) => _graph.ReduceSum(_graph.OneHot(_graph.TopK(scores, count).Indices, size), -2, keepDimension: false);

    /// <param name="QueryRank">0: queries are projected directly.</param>
    /// <param name="KeyValueRank">The width of the latent of keys and values.</param>
    /// <param name="Nope">Dimensions of a head's key without rotation.</param>
    /// <param name="Rope">Rotated ones.</param>
    /// <param name="Value">Dimensions of a head's value.</param>
    private sealed record LatentSizes(int QueryRank, int KeyValueRank, int Nope, int Rope, int Value)
    {
        public int Key => Nope + Rope;

        public static LatentSizes Read(CheckpointConfig config)
        {
            int rope = config.Int("qk_rope_head_dim");
            if (rope % 2 != 0)
                throw config.Invalid("qk_rope_head_dim", "an even number is wanted");

            return new(config.Int("q_lora_rank", least: 0, absent: 0), config.Int("kv_lora_rank"), config.Int("qk_nope_head_dim"), rope, config.Int("v_head_dim"));
        }
    }

    /// <param name="DenseLayers">Layers at the start whose feed-forward block is dense.</param>
    /// <param name="Routed">Routed experts.</param>
    /// <param name="Shared">Shared ones.</param>
    /// <param name="Width">The width of an expert.</param>
    /// <param name="PerToken">Routed experts that a token takes.</param>
    /// <param name="Groups">Groups of routed experts.</param>
    /// <param name="GroupsPerToken">Groups that a token's experts come from.</param>
    /// <param name="IsNormalised">Whether a token's gates sum to the scaling.</param>
    /// <param name="Scaling">Factor of the gates.</param>
    private sealed record ExpertSizes(
        int DenseLayers, int Routed, int Shared, int Width, int PerToken, int Groups, int GroupsPerToken, bool IsNormalised, float Scaling)
    {
        public static ExpertSizes Read(CheckpointConfig config)
        {
            config.Only("scoring_func", "sigmoid");
            config.Only("topk_method", "noaux_tc");
            config.Only("moe_layer_freq", 1.0);
            int routed = config.Int("n_routed_experts"), groups = config.Int("n_group");
            int groupsPerToken = config.Int("topk_group"), perToken = config.Int("num_experts_per_tok");
            if (routed > MostExperts)
                throw config.Invalid("n_routed_experts", $"at most {MostExperts} are computed here, all of them for every token");

            if (routed % groups != 0)
                throw config.Invalid("n_group", $"n_routed_experts {routed} is no multiple of it");

            if (groupsPerToken > groups)
                throw config.Invalid("topk_group", $"there are {groups} groups");

            if (groupsPerToken < groups && routed / groups < 2)
                throw config.Invalid("n_group", "groups of at least two experts are wanted");

            if (perToken > groupsPerToken * (routed / groups))
                throw config.Invalid("num_experts_per_tok", $"a token's {groupsPerToken} groups hold {groupsPerToken * (routed / groups)} experts");

            return new(
                config.Int("first_k_dense_replace", least: 0),
                routed,
                config.Int("n_shared_experts", least: 0),
                config.Int("moe_intermediate_size"),
                perToken,
                groups,
                groupsPerToken,
                config.Flag("norm_topk_prob", absent: true),
                (float)config.Number("routed_scaling_factor"));
        }
    }
}
