using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>The server's model: DeepSeek-V3 (arXiv 2412.19437): latent attention, shared and grouped routed experts, balanced without a loss.</summary>
internal sealed class ServerModel : LanguageModel
{
    private const double Theta = 10000;

    /// <summary>How far a step moves an expert's bias towards even load (the paper's gamma).</summary>
    private const double BalanceSpeed = 0.001;

    private const int CapacityStep = 32;

    private readonly ServerShape _shape;
    private readonly Dictionary<string, long[]> _load = [];

    /// <summary>A model with random weights.</summary>
    public ServerModel(ServerShape shape, Generator generator)
        : base(Create(shape, generator)) => _shape = shape;

    private ServerModel(ServerShape shape, Weights weights)
        : base(weights) => _shape = shape;

    /// <summary>
    /// Whether the routed experts take part. Copying is the work of attention: while it is learnt they rest, which makes a step several times as
    /// fast. Their down projections begin as zeros, so that they join without a jump.
    /// </summary>
    public bool Routed { get; set; } = true;

    public override LanguageModel Freeze() => new ServerModel(_shape, Weights.Freeze());

    public override Tensor Hidden(Tensor ids)
    {
        Places places = At(ids.shape[1]);
        Tensor x = Embed(ids);
        for (int i = 0; i < _shape.Layers; i++) x = Decoder(x, i, places);
        return Weights.RmsNorm(x, "model.norm.weight");
    }

    /// <summary>
    /// States, [batch, n, hidden], whose logits are those of the token after the next one (multi-token prediction, section 2.2 of the paper, with the main
    /// model's states as they are behind the final norm).
    /// </summary>
    /// <param name="hidden">The main model's state of each token, or this function's own one place before, for a third token.</param>
    /// <param name="next">The token behind each, [batch, n].</param>
    public Tensor SecondHidden(Tensor hidden, Tensor next)
    {
        string layer = SecondLayer(_shape);
        Tensor both = cat([Weights.RmsNorm(Embed(next), layer + "enorm.weight"), Weights.RmsNorm(hidden, layer + "hnorm.weight")], -1);
        return Weights.RmsNorm(Decoder(Weights.Linear(both, layer + "eh_proj.weight"), _shape.Layers, At(next.shape[1])), layer + "shared_head.norm.weight");
    }

    /// <summary>Starts the layer of the second token as a copy of the last one, reading mostly the state, and lets training move nothing else.</summary>
    public void TrainSecondTokenOnly()
    {
        using var _ = no_grad();
        string own = SecondLayer(_shape), last = $"model.layers.{_shape.Layers - 1}.";
        foreach ((string name, Tensor tensor) in Weights.Tensors)
        {
            if (!name.StartsWith(own, StringComparison.Ordinal)) tensor.requires_grad = false;
            else if (Weights.Tensors.TryGetValue(last + name[own.Length..], out Tensor? source)) tensor.copy_(source);
        }

        Weights[own + "shared_head.norm.weight"].copy_(Weights["model.norm.weight"]);
        Weights[own + "eh_proj.weight"].narrow(1, _shape.Hidden, _shape.Hidden).add_(eye(_shape.Hidden));
    }

    private static string SecondLayer(ServerShape shape) => $"model.layers.{shape.Layers}.";

    private readonly record struct Places(Tensor Cos, Tensor Sin, Tensor Mask);

    private Places At(long n)
    {
        (Tensor cos, Tensor sin) = Weights.Rotary(n, _shape.Rope, Theta);
        return new Places(cos, sin, Weights.CausalMask(n));
    }

    private Tensor Decoder(Tensor x, int i, Places places)
    {
        string layer = $"model.layers.{i}.";
        Tensor attended = Layer(() => x + Attention(Weights.RmsNorm(x, layer + "input_layernorm.weight"), layer + "self_attn.", places.Cos, places.Sin, places.Mask));
        return Layer(() =>
        {
            Tensor normed = Weights.RmsNorm(attended, layer + "post_attention_layernorm.weight");
            return attended + (i == 0 ? Weights.SwiGlu(normed, layer + "mlp.") : Experts(normed, layer + "mlp."));
        });
    }

    /// <summary>Moves the biases of overloaded experts down and of idle ones up (section 2.1.2 of the paper).</summary>
    public override void AfterStep()
    {
        foreach ((string name, long[] load) in _load)
        {
            Span<float> bias = MemoryMarshal.Cast<byte, float>(Weights[name].bytes);
            double mean = load.Average();
            for (int e = 0; e < load.Length; e++)
                bias[e] += (float)(BalanceSpeed * Math.Sign(mean - load[e]));

            Array.Clear(load);
        }
    }

    /// <summary>The stacked experts apart, and the head as a matrix of its own (the architecture's files have one).</summary>
    public override IEnumerable<(string Name, Tensor Tensor)> Export()
    {
        yield return ("lm_head.weight", Weights["model.embed_tokens.weight"]);
        foreach ((string name, Tensor tensor) in Weights.Tensors)
        {
            if (!name.Contains(".experts.stacked_", StringComparison.Ordinal))
            {
                yield return (name, tensor);
                continue;
            }

            string prefix = name[..name.IndexOf("stacked_", StringComparison.Ordinal)];
            for (int e = 0; e < _shape.Experts; e++)
            {
                Tensor expert = tensor[e];
                if (name.EndsWith("down", StringComparison.Ordinal))
                {
                    yield return ($"{prefix}{e}.down_proj.weight", expert);
                    continue;
                }

                yield return ($"{prefix}{e}.gate_proj.weight", expert.narrow(0, 0, _shape.ExpertWidth));
                yield return ($"{prefix}{e}.up_proj.weight", expert.narrow(0, _shape.ExpertWidth, _shape.ExpertWidth));
            }
        }
    }

    public override JsonObject Config
    {
        get
        {
            JsonObject config = MainConfig;
            if (_shape.PredictsSecondToken) config["num_nextn_predict_layers"] = 1;
            return config;
        }
    }

    private JsonObject MainConfig => new()
    {
        ["architectures"] = new JsonArray("DeepseekV3ForCausalLM"),
        ["attention_bias"] = false,
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = null,
        ["dtype"] = "bfloat16",
        ["eos_token_id"] = Vocabulary.End,
        ["first_k_dense_replace"] = 1,
        ["head_dim"] = _shape.Rope,
        ["hidden_act"] = "silu",
        ["hidden_size"] = _shape.Hidden,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = _shape.Intermediate,
        ["kv_lora_rank"] = _shape.KeyValueRank,
        ["max_position_embeddings"] = ContextLength,
        ["model_type"] = "deepseek_v3",
        ["moe_intermediate_size"] = _shape.ExpertWidth,
        ["n_group"] = _shape.Groups,
        ["n_routed_experts"] = _shape.Experts,
        ["n_shared_experts"] = 1,
        ["norm_topk_prob"] = true,
        ["num_attention_heads"] = _shape.Heads,
        ["num_experts_per_tok"] = _shape.ExpertsPerToken,
        ["num_hidden_layers"] = _shape.Layers,
        ["num_key_value_heads"] = _shape.Heads,
        ["pad_token_id"] = Vocabulary.Pad,
        ["q_lora_rank"] = _shape.QueryRank,
        ["qk_head_dim"] = _shape.Nope + _shape.Rope,
        ["qk_nope_head_dim"] = _shape.Nope,
        ["qk_rope_head_dim"] = _shape.Rope,
        ["rms_norm_eps"] = 1e-6,
        ["rope_interleave"] = true,
        ["rope_parameters"] = new JsonObject { ["rope_theta"] = Theta, ["rope_type"] = "default" },
        ["routed_scaling_factor"] = _shape.RoutedScaling,
        ["tie_word_embeddings"] = false,
        ["topk_group"] = _shape.GroupsPerToken,
        ["use_cache"] = true,
        ["v_head_dim"] = _shape.Value,
        ["vocab_size"] = Vocabulary.Size,
    };

    private Tensor Attention(Tensor x, string prefix, Tensor cos, Tensor sin, Tensor mask)
    {
        long nope = _shape.Nope, rope = _shape.Rope;
        Tensor latent = Weights.RmsNorm(Weights.Linear(x, prefix + "q_a_proj.weight"), prefix + "q_a_layernorm.weight");
        Tensor q = Weights.Linear(latent, prefix + "q_b_proj.weight").unflatten(2, _shape.Heads, nope + rope).transpose(1, 2);
        q = cat([q.narrow(-1, 0, nope), Rotate(q.narrow(-1, nope, rope), cos, sin)], -1);

        Tensor compressed = Weights.Linear(x, prefix + "kv_a_proj_with_mqa.weight");
        Tensor sharedKey = Rotate(compressed.narrow(-1, _shape.KeyValueRank, rope).unsqueeze(1), cos, sin);
        Tensor normed = Weights.RmsNorm(compressed.narrow(-1, 0, _shape.KeyValueRank), prefix + "kv_a_layernorm.weight");
        Tensor kv = Weights.Linear(normed, prefix + "kv_b_proj.weight").unflatten(2, _shape.Heads, nope + _shape.Value).transpose(1, 2);
        Tensor k = cat([kv.narrow(-1, 0, nope), sharedKey.expand(-1, _shape.Heads, -1, -1)], -1);
        Tensor mixed = Weights.CausalAttention(q, k, kv.narrow(-1, nope, _shape.Value), 1 / Math.Sqrt(nope + rope), mask);
        return Weights.Linear(mixed, prefix + "o_proj.weight");
    }

    /// <summary>Rotates the pairs (2i, 2i + 1), the even halves first afterwards: queries and keys are permuted alike, so products stay.</summary>
    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        Tensor pairs = x.unflatten(3, x.shape[3] / 2, 2);
        Tensor even = pairs.select(-1, 0), odd = pairs.select(-1, 1);
        return cat([even * cos - odd * sin, odd * cos + even * sin], -1);
    }

    /// <summary>The shared expert, and of the routed ones those that each token chose, each expert computing its own tokens only.</summary>
    private Tensor Experts(Tensor x, string prefix)
    {
        Tensor shared = Weights.SwiGlu(x, prefix + "shared_experts.");
        if (!Routed) return shared;

        Tensor rows = x.flatten(0, 1);
        Tensor scores = nn.functional.linear(rows, Weights[prefix + "gate.weight"].to(ScalarType.Float32)).sigmoid();
        Routing routing = Choose(scores, prefix + "gate.e_score_correction_bias");
        Tensor weights = scores.gather(1, routing.Choice);
        weights = weights / (weights.sum(1, keepdim: true) + 1e-20) * _shape.RoutedScaling;

        Tensor stacked = Weights.Rows(rows, routing.RowOfSlot).to(Weights.ProductType);
        Tensor gateUp = bmm(stacked, Weights[prefix + "experts.stacked_gate_up"].to(Weights.ProductType).transpose(1, 2)).to(ScalarType.Float32);
        Tensor active = nn.functional.silu(gateUp.narrow(-1, 0, _shape.ExpertWidth)) * gateUp.narrow(-1, _shape.ExpertWidth, _shape.ExpertWidth);
        Tensor down = bmm(active.to(Weights.ProductType), Weights[prefix + "experts.stacked_down"].to(Weights.ProductType).transpose(1, 2));
        Tensor chosen = Weights.Rows(down.flatten(0, 1).to(ScalarType.Float32), routing.SlotOfChoice);
        return shared + (chosen * weights.unsqueeze(-1)).sum(1).view_as(shared);
    }

    /// <summary>Choice [rows, k]: experts; RowOfSlot [experts, capacity]: whom a slot computes (idle ones: row 0, unused); SlotOfChoice [rows, k].</summary>
    private readonly record struct Routing(Tensor Choice, Tensor RowOfSlot, Tensor SlotOfChoice);

    /// <summary>Chooses experts as the architecture does: biased scores, the best groups by the sum of their best two, the best experts of those.</summary>
    private Routing Choose(Tensor scores, string biasName)
    {
        int rows = (int)scores.shape[0], experts = _shape.Experts, k = _shape.ExpertsPerToken;
        ReadOnlySpan<float> score = MemoryMarshal.Cast<byte, float>(scores.bytes), bias = MemoryMarshal.Cast<byte, float>(Weights[biasName].bytes);
        var choice = new long[rows * k];
        var place = new long[rows * k];
        var load = new long[experts];
        Span<float> biased = stackalloc float[experts];
        for (int row = 0; row < rows; row++)
        {
            for (int e = 0; e < experts; e++) biased[e] = score[row * experts + e] + bias[e];
            KeepBestGroups(biased);
            for (int j = row * k; j < (row + 1) * k; j++)
            {
                int best = IndexOfMax(biased);
                biased[best] = float.NegativeInfinity;
                choice[j] = best;
                place[j] = load[best]++;
            }
        }

        // Rounded up, so that one step's tensors have the sizes of another's and the allocator finds them again.
        int capacity = ((int)load.Max() + CapacityStep - 1) / CapacityStep * CapacityStep;
        var rowOfSlot = new long[experts * capacity];
        var slotOfChoice = new long[rows * k];
        for (int j = 0; j < choice.Length; j++)
        {
            slotOfChoice[j] = choice[j] * capacity + place[j];
            rowOfSlot[slotOfChoice[j]] = j / k;
        }

        CountLoad(biasName, load);
        return new Routing(tensor(choice, [rows, k]), tensor(rowOfSlot, [experts, capacity]), tensor(slotOfChoice, [rows, k]));
    }

    private void CountLoad(string biasName, long[] load)
    {
        if (!is_grad_enabled()) return;
        if (!_load.TryGetValue(biasName, out long[]? sum)) _load[biasName] = sum = new long[load.Length];
        for (int e = 0; e < load.Length; e++) sum[e] += load[e];
    }

    private void KeepBestGroups(Span<float> biased)
    {
        int size = biased.Length / _shape.Groups;
        Span<float> group = stackalloc float[_shape.Groups];
        for (int g = 0; g < group.Length; g++)
        {
            float first = float.NegativeInfinity, second = float.NegativeInfinity;
            foreach (float value in biased.Slice(g * size, size))
            {
                second = Math.Max(second, Math.Min(first, value));
                first = Math.Max(first, value);
            }

            group[g] = first + second;
        }

        for (int dropped = 0; dropped < _shape.Groups - _shape.GroupsPerToken; dropped++)
        {
            int worst = 0;
            for (int g = 1; g < group.Length; g++)
            {
                if (group[g] <= group[worst]) worst = g;
            }

            group[worst] = float.PositiveInfinity;
            biased.Slice(worst * size, size).Clear();
        }
    }

    private static int IndexOfMax(ReadOnlySpan<float> values)
    {
        int best = 0;
        for (int i = 1; i < values.Length; i++)
        {
            if (values[i] > values[best]) best = i;
        }

        return best;
    }

    private static Weights Create(ServerShape shape, Generator generator)
    {
        var weights = new Weights();
        double wide = 0.8 / Math.Sqrt(shape.Hidden), narrow = wide / Math.Sqrt(2 * shape.Layers);
        double Deviation(int inputs) => 0.8 / Math.Sqrt(inputs);
        weights.AddMatrix("model.embed_tokens.weight", wide, generator, Vocabulary.Size, shape.Hidden);
        weights.AddScale("model.norm.weight", shape.Hidden);
        for (int i = 0; i < shape.Layers + (shape.PredictsSecondToken ? 1 : 0); i++)
        {
            string layer = $"model.layers.{i}.", attention = layer + "self_attn.", mlp = layer + "mlp.";
            weights.AddScale(layer + "input_layernorm.weight", shape.Hidden);
            weights.AddScale(layer + "post_attention_layernorm.weight", shape.Hidden);
            weights.AddMatrix(attention + "q_a_proj.weight", wide, generator, shape.QueryRank, shape.Hidden);
            weights.AddScale(attention + "q_a_layernorm.weight", shape.QueryRank);
            weights.AddMatrix(attention + "q_b_proj.weight", Deviation(shape.QueryRank), generator, shape.Heads * (shape.Nope + shape.Rope), shape.QueryRank);
            weights.AddMatrix(attention + "kv_a_proj_with_mqa.weight", wide, generator, shape.KeyValueRank + shape.Rope, shape.Hidden);
            weights.AddScale(attention + "kv_a_layernorm.weight", shape.KeyValueRank);
            weights.AddMatrix(attention + "kv_b_proj.weight", Deviation(shape.KeyValueRank), generator, shape.Heads * (shape.Nope + shape.Value), shape.KeyValueRank);
            weights.AddMatrix(attention + "o_proj.weight", narrow, generator, shape.Hidden, shape.Heads * shape.Value);
            AddSwiGlu(weights, i == 0 ? mlp : mlp + "shared_experts.", i == 0 ? shape.Intermediate : shape.ExpertWidth, shape.Hidden, wide, narrow, generator);
            if (i == 0) continue;
            weights.AddMatrix(mlp + "gate.weight", wide, generator, shape.Experts, shape.Hidden);
            weights.AddFixed(mlp + "gate.e_score_correction_bias", shape.Experts);
            weights.AddMatrix(mlp + "experts.stacked_gate_up", wide, generator, shape.Experts, 2 * shape.ExpertWidth, shape.Hidden);
            weights.AddMatrix(mlp + "experts.stacked_down", 0, generator, shape.Experts, shape.Hidden, shape.ExpertWidth);
        }

        StartCopying(weights, shape, generator);
        if (shape.PredictsSecondToken) AddSecondToken(weights, shape, narrow, generator);
        return weights;
    }

    private static void AddSecondToken(Weights weights, ServerShape shape, double deviation, Generator generator)
    {
        string layer = SecondLayer(shape);
        weights.AddScale(layer + "enorm.weight", shape.Hidden);
        weights.AddScale(layer + "hnorm.weight", shape.Hidden);
        weights.AddScale(layer + "shared_head.norm.weight", shape.Hidden);
        weights.AddMatrix(layer + "eh_proj.weight", deviation, generator, shape.Hidden, 2 * shape.Hidden);
    }

    private static void StartCopying(Weights weights, ServerShape shape, Generator generator)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var start = new InductionStart(weights["model.embed_tokens.weight"], generator);
        int nope = shape.Nope, rope = shape.Rope, rank = shape.KeyValueRank;
        Tensor identity = eye(nope);
        for (int layer = 0; layer <= InductionStart.MatchingLayers; layer++)
        {
            string attention = $"model.layers.{layer}.self_attn.";
            Tensor queryLatent = weights[attention + "q_a_proj.weight"], query = weights[attention + "q_b_proj.weight"].narrow(0, 0, nope + rope);
            Tensor latent = weights[attention + "kv_a_proj_with_mqa.weight"], keyValue = weights[attention + "kv_b_proj.weight"].narrow(0, 0, nope + shape.Value);
            Tensor output = weights[attention + "o_proj.weight"].narrow(1, 0, shape.Value);
            query.zero_();
            keyValue.zero_();
            latent.narrow(0, nope, shape.Value).copy_(layer == 0 ? start.Current : start.Copy(layer));
            keyValue.narrow(0, nope, shape.Value).narrow(1, nope, shape.Value).copy_(identity);
            if (layer == 0)
            {
                (Tensor key, Tensor back) = InductionStart.LookBack(rope, Theta, i => (2 * i, 2 * i + 1));
                queryLatent[0] = start.Common * 0.2;
                query.narrow(0, nope, rope).select(1, 0).copy_(back * 1.5);
                latent.narrow(0, rank, rope).copy_(outer(key * 0.6, start.Common));
                output.copy_(start.Previous.t() * 0.15);
                continue;
            }

            queryLatent.narrow(0, 0, nope).copy_(start.Current);
            query.narrow(0, 0, nope).narrow(1, 0, nope).copy_(identity * 4);
            latent.narrow(0, 0, nope).copy_(start.Previous);
            keyValue.narrow(0, 0, nope).narrow(1, 0, nope).copy_(identity);
            output.copy_(start.Copy(layer).t() * 0.5);
        }
    }

    private static void AddSwiGlu(Weights weights, string prefix, int width, int hidden, double wide, double narrow, Generator generator)
    {
        weights.AddMatrix(prefix + "gate_proj.weight", wide, generator, width, hidden);
        weights.AddMatrix(prefix + "up_proj.weight", wide, generator, width, hidden);
        weights.AddMatrix(prefix + "down_proj.weight", narrow, generator, hidden, width);
    }
}

/// <summary>
/// The sizes of a server model. Every row of a product is a multiple of 32, as block quantisation wants; at least two experts a group. One that predicts
/// the second token has one more layer behind the last for it.
/// </summary>
internal sealed record ServerShape(
    int Hidden = 256,
    int Layers = 6,
    int Heads = 8,
    int QueryRank = 128,
    int KeyValueRank = 96,
    int Nope = 32,
    int Rope = 32,
    int Value = 32,
    int Intermediate = 640,
    int Experts = 16,
    int ExpertsPerToken = 4,
    int Groups = 4,
    int GroupsPerToken = 2,
    int ExpertWidth = 128,
    double RoutedScaling = 2.5,
    bool PredictsSecondToken = false);
