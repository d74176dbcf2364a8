using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>The device's model: Qwen3 (arXiv 2505.09388): grouped queries, normalised queries and keys, tied embeddings.</summary>
internal sealed class DeviceModel : LanguageModel
{
    private const int Head = 32;
    private const double Theta = 10000;
    private readonly DeviceShape _shape;

    /// <summary>A model with random weights.</summary>
    public DeviceModel(DeviceShape shape, Generator generator)
        : base(Create(shape, generator)) => _shape = shape;

    private DeviceModel(DeviceShape shape, Weights weights)
        : base(weights) => _shape = shape;

    public override LanguageModel Freeze() => new DeviceModel(_shape, Weights.Freeze());

    public override Tensor Hidden(Tensor ids)
    {
        long n = ids.shape[1];
        (Tensor cos, Tensor sin) = Weights.Rotary(n, Head, Theta);
        Tensor mask = Weights.CausalMask(n);
        Tensor x = Embed(ids);
        for (int i = 0; i < _shape.Layers; i++)
        {
            string layer = $"model.layers.{i}.";
            Tensor y = x;
            Tensor attended = Layer(() => y + Attention(Weights.RmsNorm(y, layer + "input_layernorm.weight"), layer + "self_attn.", cos, sin, mask));
            x = Layer(() => attended + Weights.SwiGlu(Weights.RmsNorm(attended, layer + "post_attention_layernorm.weight"), layer + "mlp."));
        }

        return Weights.RmsNorm(x, "model.norm.weight");
    }

    public override IEnumerable<(string Name, Tensor Tensor)> Export() => Weights.Tensors.Select(t => (t.Key, t.Value));

    public override JsonObject Config => new()
    {
        ["architectures"] = new JsonArray("Qwen3ForCausalLM"),
        ["attention_bias"] = false,
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = null,
        ["dtype"] = "bfloat16",
        ["eos_token_id"] = Vocabulary.End,
        ["head_dim"] = Head,
        ["hidden_act"] = "silu",
        ["hidden_size"] = _shape.Hidden,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = _shape.Intermediate,
        ["layer_types"] = new JsonArray([.. Enumerable.Repeat("full_attention", _shape.Layers).Select(t => (JsonNode)t)]),
        ["max_position_embeddings"] = ContextLength,
        ["max_window_layers"] = _shape.Layers,
        ["model_type"] = "qwen3",
        ["num_attention_heads"] = _shape.Heads,
        ["num_hidden_layers"] = _shape.Layers,
        ["num_key_value_heads"] = _shape.KeyValueHeads,
        ["pad_token_id"] = Vocabulary.Pad,
        ["rms_norm_eps"] = 1e-6,
        ["rope_parameters"] = new JsonObject { ["rope_theta"] = Theta, ["rope_type"] = "default" },
        ["sliding_window"] = null,
        ["tie_word_embeddings"] = true,
        ["use_cache"] = true,
        ["use_sliding_window"] = false,
        ["vocab_size"] = Vocabulary.Size,
    };

    private Tensor Attention(Tensor x, string prefix, Tensor cos, Tensor sin, Tensor mask)
    {
        long group = _shape.Heads / _shape.KeyValueHeads;
        Tensor q = Heads(x, prefix + "q_proj.weight", _shape.Heads);
        Tensor k = Heads(x, prefix + "k_proj.weight", _shape.KeyValueHeads);
        Tensor v = Heads(x, prefix + "v_proj.weight", _shape.KeyValueHeads).transpose(1, 2);
        q = Rotate(Weights.RmsNorm(q, prefix + "q_norm.weight").transpose(1, 2), cos, sin);
        k = Rotate(Weights.RmsNorm(k, prefix + "k_norm.weight").transpose(1, 2), cos, sin);
        Tensor mixed = Weights.CausalAttention(q, k.repeat_interleave(group, 1), v.repeat_interleave(group, 1), 1 / Math.Sqrt(Head), mask);
        return Weights.Linear(mixed, prefix + "o_proj.weight");
    }

    private Tensor Heads(Tensor x, string name, int heads) => Weights.Linear(x, name).unflatten(2, heads, Head);

    /// <summary>Rotates the pairs (i, i + d/2).</summary>
    private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin)
    {
        Tensor low = x.narrow(-1, 0, Head / 2), high = x.narrow(-1, Head / 2, Head / 2);
        return cat([low * cos - high * sin, high * cos + low * sin], -1);
    }

    private static Weights Create(DeviceShape shape, Generator generator)
    {
        var weights = new Weights();
        double wide = 0.8 / Math.Sqrt(shape.Hidden), narrow = wide / Math.Sqrt(2 * shape.Layers);
        weights.AddMatrix("model.embed_tokens.weight", wide, generator, Vocabulary.Size, shape.Hidden);
        weights.AddScale("model.norm.weight", shape.Hidden);
        for (int i = 0; i < shape.Layers; i++)
        {
            string layer = $"model.layers.{i}.", attention = layer + "self_attn.";
            weights.AddScale(layer + "input_layernorm.weight", shape.Hidden);
            weights.AddScale(layer + "post_attention_layernorm.weight", shape.Hidden);
            weights.AddMatrix(attention + "q_proj.weight", wide, generator, shape.Heads * Head, shape.Hidden);
            weights.AddMatrix(attention + "k_proj.weight", wide, generator, shape.KeyValueHeads * Head, shape.Hidden);
            weights.AddMatrix(attention + "v_proj.weight", wide, generator, shape.KeyValueHeads * Head, shape.Hidden);
            weights.AddMatrix(attention + "o_proj.weight", narrow, generator, shape.Hidden, shape.Heads * Head);
            weights.AddScale(attention + "q_norm.weight", Head);
            weights.AddScale(attention + "k_norm.weight", Head);
            weights.AddMatrix(layer + "mlp.gate_proj.weight", wide, generator, shape.Intermediate, shape.Hidden);
            weights.AddMatrix(layer + "mlp.up_proj.weight", wide, generator, shape.Intermediate, shape.Hidden);
            weights.AddMatrix(layer + "mlp.down_proj.weight", narrow, generator, shape.Hidden, shape.Intermediate);
        }

        StartCopying(weights, shape, generator);
        return weights;
    }

    private static void StartCopying(Weights weights, DeviceShape shape, Generator generator)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var start = new InductionStart(weights["model.embed_tokens.weight"], generator);
        int group = shape.Heads / shape.KeyValueHeads;
        (Tensor key, Tensor query) = InductionStart.LookBack(Head, Theta, i => (i, i + Head / 2));
        for (int layer = 0; layer <= InductionStart.MatchingLayers; layer++)
        {
            string attention = $"model.layers.{layer}.self_attn.";
            Tensor q = layer == 0 ? outer(query, start.Common) : start.Current;
            Tensor k = layer == 0 ? outer(key, start.Common) : start.Previous;
            Tensor v = layer == 0 ? start.Current : start.Copy(layer);
            Tensor o = layer == 0 ? start.Previous * 0.18 : start.Copy(layer) * 0.35;
            weights[attention + "k_proj.weight"].narrow(0, 0, Head).copy_(k);
            weights[attention + "v_proj.weight"].narrow(0, 0, Head).copy_(v);
            for (int head = 0; head < group; head++)
            {
                weights[attention + "q_proj.weight"].narrow(0, head * Head, Head).copy_(q);
                weights[attention + "o_proj.weight"].narrow(1, head * Head, Head).copy_(o.t() / group);
            }

            weights[attention + "q_norm.weight"].fill_(2);
            weights[attention + "k_norm.weight"].fill_(2);
        }
    }
}

/// <summary>The sizes of a device model; heads are 32 wide, every row of a product is a multiple of 32, as block quantisation wants.</summary>
internal sealed record DeviceShape(int Hidden = 160, int Layers = 4, int Heads = 6, int KeyValueHeads = 2, int Intermediate = 448);
