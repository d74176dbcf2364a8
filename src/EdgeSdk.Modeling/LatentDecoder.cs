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

    private readonly DecoderGraphBuilder decoder;
    private readonly GraphBuilder graph;
    private readonly CheckpointWeights weights;
    private readonly DecoderSizes sizes;
    private readonly LatentSizes latent;
    private readonly ExpertSizes experts;
    private readonly float scoreScale;
    private readonly bool interleaved;
    private readonly Value tokens, pastLength, length, cos, sin;
    private readonly int firstLayer;

    private LatentDecoder(Checkpoint checkpoint, int firstLayer)
    {
        this.firstLayer = firstLayer;
        var config = checkpoint.Config;
        latent = LatentSizes.Read(config);
        experts = ExpertSizes.Read(config);
        interleaved = config.Flag("rope_interleave", absent: true);
        var rotary = RotaryEmbedding.Read(config, latent.Rope);
        scoreScale = (float)(rotary.ScoreFactor / Math.Sqrt(latent.Key));

        decoder = new DecoderGraphBuilder(checkpoint, operatorSet: 24, irVersion: 11);
        (graph, weights) = (decoder.Graph, decoder.Weights);
        sizes = decoder.Sizes = decoder.Sizes with { KeyValueHeads = decoder.Sizes.Heads, HeadSize = latent.Key };
        tokens = decoder.Input("tokens", "input_ids", DataType.Int64, 1, "sequence_length");
        pastLength = decoder.Input("past_length", "past_length", DataType.Int64, 1);
        length = pastLength + graph.Size(tokens, axis: 1);
        (cos, sin) = rotary.Tables(graph, sizes.Context);
    }

    /// <summary>The graph of a checkpoint.</summary>
    public static DecoderGraph Build(Checkpoint checkpoint)
    {
        var architecture = new LatentDecoder(checkpoint, firstLayer: 0);
        var embedded = architecture.decoder.Embed(architecture.tokens);
        return architecture.Build(embedded, 0..architecture.sizes.Layers, "model.norm.weight", PredictsSecondToken(checkpoint));
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
        var (graph, weights, sizes) = (architecture.graph, architecture.weights, architecture.sizes);
        var state = architecture.decoder.Input("hidden", "previous_hidden_states", DataType.Float, 1, "sequence_length", sizes.Hidden);
        string name = $"model.layers.{layer}";
        var token = graph.RmsNorm(architecture.decoder.Embed(architecture.tokens), weights.Vector($"{name}.enorm.weight", sizes.Hidden), sizes.Epsilon);
        var both = graph.Concat(-1, token, graph.RmsNorm(state, weights.Vector($"{name}.hnorm.weight", sizes.Hidden), sizes.Epsilon));
        var residual = weights.Product(both, $"{name}.eh_proj.weight", sizes.Hidden, 2 * sizes.Hidden);
        return architecture.Build(residual, layer..(layer + 1), $"{name}.shared_head.norm.weight", givesHidden: true);
    }

    private DecoderGraph Build(Value residual, Range layers, string finalNorm, bool givesHidden) =>
        decoder.Build(residual, 1, layers, finalNorm, givesHidden, Attention, FeedForward);

    /// <summary>Configurations keep num_nextn_predict_layers where the layer itself was left out: transformers saves none.</summary>
    private static bool PredictsSecondToken(Checkpoint checkpoint) =>
        checkpoint.Config.Int("num_nextn_predict_layers", least: 0, absent: 0) > 0 && checkpoint.Has($"model.layers.{SecondTokenLayer(checkpoint)}.eh_proj.weight");

    private static int SecondTokenLayer(Checkpoint checkpoint) => checkpoint.Config.Int("num_hidden_layers");

    /// <summary>Queries and keys keep their rotated part first, so that one operator rotates it in place; the products do not mind the order.</summary>
    private Value Attention(int layer, Value x)
    {
        string name = $"model.layers.{layer}.self_attn";
        var (query, compressed, sharedKey) = Project(x, name);
        query = PerHead(graph.Rotate(query, pastLength, cos, sin, sizes.Heads, latent.Rope, interleaved), latent.Key);

        var normed = graph.RmsNorm(compressed, weights.Vector($"{name}.kv_a_layernorm.weight", latent.KeyValueRank), LatentEpsilon);
        var expanded = weights.Product(normed, $"{name}.kv_b_proj.weight", sizes.Heads * (latent.Nope + latent.Value), latent.KeyValueRank);
        var parts = graph.Split(PerHead(expanded, latent.Nope + latent.Value), -1, latent.Nope, latent.Value);
        var rotated = graph.Unsqueeze(graph.Rotate(sharedKey, pastLength, cos, sin, 1, latent.Rope, interleaved), 1);
        var key = graph.Concat(-1, graph.Expand(rotated, graph.Constant(1, sizes.Heads, 1, 1)), parts[0]);

        int cache = layer - firstLayer;
        var keys = graph.TensorScatter(decoder.Past("key", cache, 1, sizes.Heads, "capacity", latent.Key), key, pastLength);
        var values = graph.TensorScatter(decoder.Past("value", cache, 1, sizes.Heads, "capacity", latent.Value), parts[1], pastLength);
        decoder.Present("key", cache, keys, 1, sizes.Heads, "capacity", latent.Key);
        decoder.Present("value", cache, values, 1, sizes.Heads, "capacity", latent.Value);

        var attended = graph.Transpose(graph.Attention(query, keys, values, length, scoreScale), 0, 2, 1, 3);
        int width = sizes.Heads * latent.Value;
        return weights.Linear(graph.Reshape(attended, 0, 0, width), $"{name}.o_proj", sizes.Hidden, width);
    }

    /// <summary>Queries [1, rows, heads * key size], the latent of keys and values, and the part of the key that all heads share.</summary>
    private (Value Query, Value Compressed, Value SharedKey) Project(Value x, string name)
    {
        long[] order = RotatedFirst();
        var (down, shared) = ($"{name}.kv_a_proj_with_mqa", latent.KeyValueRank + latent.Rope);
        if (latent.QueryRank == 0)
        {
            var alone = graph.Split(weights.Linear(x, down, shared, sizes.Hidden), -1, latent.KeyValueRank, latent.Rope);
            return (weights.ProductReordered(x, $"{name}.q_proj.weight", sizes.Hidden, order), alone[0], alone[1]);
        }

        var wide = weights.LinearSideBySide(x, sizes.Hidden, ($"{name}.q_a_proj", latent.QueryRank), (down, shared));
        var parts = graph.Split(wide, -1, latent.QueryRank, latent.KeyValueRank, latent.Rope);
        var normed = graph.RmsNorm(parts[0], weights.Vector($"{name}.q_a_layernorm.weight", latent.QueryRank), LatentEpsilon);
        return (weights.ProductReordered(normed, $"{name}.q_b_proj.weight", latent.QueryRank, order), parts[1], parts[2]);
    }

    /// <summary>The checkpoint's heads are [nope, rope]; this order makes them [rope, nope].</summary>
    private long[] RotatedFirst() =>
        [.. Enumerable.Range(0, sizes.Heads * latent.Key).Select(i => (long)(i / latent.Key * latent.Key + (i % latent.Key + latent.Nope) % latent.Key))];

    /// <summary>[1, rows, heads * size] to [1, heads, rows, size].</summary>
    private Value PerHead(Value x, int size) => graph.Transpose(graph.Reshape(x, 0, 0, sizes.Heads, size), 0, 2, 1, 3);

    private Value FeedForward(int layer, Value x)
    {
        string name = $"model.layers.{layer}.mlp";
        return layer < experts.DenseLayers ? decoder.SwiGlu(x, name, sizes.Intermediate) : Experts(x, name);
    }

    /// <summary>The shared experts are as many more routed ones whose gate is always 1.</summary>
    private Value Experts(Value x, string name)
    {
        int all = experts.Routed + experts.Shared, width = experts.Width;
        var blocks = Enumerable.Range(0, experts.Routed).Select(e => (Name: $"{name}.experts.{e}", Width: width));
        if (experts.Shared > 0)
            blocks = blocks.Append(($"{name}.shared_experts", experts.Shared * width));

        var gateAndUp = blocks.Select(b => ($"{b.Name}.gate_proj", b.Width)).Concat(blocks.Select(b => ($"{b.Name}.up_proj", b.Width)));
        var parts = graph.Split(weights.LinearSideBySide(x, sizes.Hidden, [.. gateAndUp]), -1, all * width, all * width);
        var perExpert = graph.Reshape(graph.Silu(parts[0]) * parts[1], 0, 0, all, width);
        var gate = graph.Unsqueeze(graph.PadLast(Gate(x, $"{name}.gate"), experts.Shared, 1), 3);
        var gated = graph.Reshape(perExpert * gate, 0, 0, all * width);
        return weights.SumOfProducts(gated, sizes.Hidden, [.. blocks.Select(b => ($"{b.Name}.down_proj.weight", b.Width))]);
    }

    /// <summary>
    /// [1, rows, routed experts]: the sigmoid scores of a token's best experts, 0 for the others. The correction bias takes part in the choice alone; experts
    /// are chosen from the groups whose two best sum highest.
    /// </summary>
    private Value Gate(Value x, string name)
    {
        var scores = graph.Sigmoid(weights.Product(x, $"{name}.weight", experts.Routed, sizes.Hidden));
        var biased = scores + weights.Vector($"{name}.e_score_correction_bias", experts.Routed);
        if (experts.GroupsPerToken < experts.Groups)
            biased = InBestGroups(biased);

        var chosen = scores * Best(biased, experts.PerToken, experts.Routed);
        if (experts.IsNormalised)
            chosen /= graph.ReduceSum(chosen, -1, keepDimension: true) + graph.Scalar(1e-20f);

        return chosen * graph.Scalar(experts.Scaling);
    }

    private Value InBestGroups(Value biased)
    {
        var grouped = graph.Reshape(biased, 0, 0, experts.Groups, experts.Routed / experts.Groups);
        var score = graph.ReduceSum(graph.TopK(grouped, 2).Values, -1, keepDimension: false);
        var best = graph.Unsqueeze(Best(score, experts.GroupsPerToken, experts.Groups), 3);
        return graph.Reshape(grouped * best, 0, 0, experts.Routed);
    }

    /// <summary>1 at the largest <paramref name="count"/> of the last axis, 0 elsewhere.</summary>
    private Value Best(Value scores, int count, int size) => graph.ReduceSum(graph.OneHot(graph.TopK(scores, count).Indices, size), -2, keepDimension: false);

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
