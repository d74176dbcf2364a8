using EdgeSdk.Onnx;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Modeling;

/// <summary>
/// The dense architectures <c>llama</c>, <c>qwen2</c> (biases) and <c>qwen3</c> (normalised query and key heads): grouped-query attention over a shared
/// past and present buffer by ONNX Runtime's GroupQueryAttention, which rotates and caches.
/// </summary>
internal sealed class GroupQueryDecoder
{
    /// <summary>GroupQueryAttention rotates heads of a multiple of this size; others are rotated before it.</summary>
    private const int RotatedHeadSize = 16;

    private readonly DecoderGraphBuilder decoder;
    private readonly GraphBuilder graph;
    private readonly CheckpointWeights weights;
    private readonly DecoderSizes sizes;
    private readonly bool normalisesHeads, rotatesInside;
    private readonly Value tokens, lastPlace, capacity, cos, sin, places;

    private GroupQueryDecoder(Checkpoint checkpoint)
    {
        RefuseWhatDiffers(checkpoint.Config);
        decoder = new DecoderGraphBuilder(checkpoint, operatorSet: 21, irVersion: 10);
        (graph, weights, sizes) = (decoder.Graph, decoder.Weights, decoder.Sizes);
        normalisesHeads = checkpoint.Config.Text("model_type") == "qwen3";

        tokens = decoder.Input("tokens", "input_ids", DataType.Int64, "batch_size", "sequence_length");
        var mask = decoder.Input("mask", "attention_mask", DataType.Int64, "batch_size", "total_sequence_length");
        lastPlace = graph.Cast(graph.ReduceSum(mask, axis: 1, keepDimension: false) - graph.Constant(1), DataType.Int32);
        capacity = graph.Cast(graph.Size(mask, axis: 1), DataType.Int32);
        (cos, sin) = RotaryEmbedding.Read(checkpoint.Config, sizes.HeadSize).Tables(graph, sizes.Context);
        rotatesInside = sizes.HeadSize % RotatedHeadSize == 0;
        if (!rotatesInside)
            places = Places(mask);
    }

    /// <summary>The graph of a checkpoint.</summary>
    public static DecoderGraph Build(Checkpoint checkpoint)
    {
        var architecture = new GroupQueryDecoder(checkpoint);
        return architecture.decoder.Build(
            architecture.decoder.Embed(architecture.tokens),
            "batch_size",
            0..architecture.sizes.Layers,
            "model.norm.weight",
            givesHidden: false,
            architecture.Attention,
            (layer, x) => architecture.decoder.SwiGlu(x, $"model.layers.{layer}.mlp", architecture.sizes.Intermediate));
    }

    private Value Attention(int layer, Value x)
    {
        string name = $"model.layers.{layer}.self_attn";
        int queries = sizes.Heads * sizes.HeadSize, keys = sizes.KeyValueHeads * sizes.HeadSize;
        var packed = weights.LinearSideBySide(x, sizes.Hidden, ($"{name}.q_proj", queries), ($"{name}.k_proj", keys), ($"{name}.v_proj", keys));
        Value query = packed, key = default, value = default;
        if (normalisesHeads || !rotatesInside)
        {
            var parts = graph.Split(packed, -1, queries, keys, keys);
            query = Prepare(parts[0], sizes.Heads, $"{name}.q_norm.weight");
            key = Prepare(parts[1], sizes.KeyValueHeads, $"{name}.k_norm.weight");
            value = parts[2];
        }

        var (inCos, inSin) = rotatesInside ? (cos, sin) : default;
        var attended = graph.GroupQueryAttention(
            query, key, value, Past("key", layer), Past("value", layer), lastPlace, capacity, inCos, inSin, sizes.Heads, sizes.KeyValueHeads);
        Present("key", layer, attended.PresentKey);
        Present("value", layer, attended.PresentValue);
        return weights.Linear(attended.Output, $"{name}.o_proj", sizes.Hidden, queries);
    }

    private Value Past(string kind, int layer) => decoder.Past(kind, layer, "batch_size", sizes.KeyValueHeads, "past_sequence_length", sizes.HeadSize);

    private void Present(string kind, int layer, Value value) =>
        decoder.Present(kind, layer, value, "batch_size", sizes.KeyValueHeads, "total_sequence_length", sizes.HeadSize);

    /// <summary>What queries and keys pass through before they meet.</summary>
    private Value Prepare(Value x, int heads, string scale)
    {
        if (normalisesHeads)
        {
            var perHead = graph.Reshape(x, 0, 0, heads, sizes.HeadSize);
            var normed = graph.RmsNorm(perHead, weights.Vector(scale, sizes.HeadSize), sizes.Epsilon);
            x = graph.Reshape(normed, 0, 0, heads * sizes.HeadSize);
        }

        return rotatesInside ? x : graph.Rotate(x, places, cos, sin, heads, sizes.HeadSize, interleaved: false);
    }

    /// <summary>The rows' places, int64 [batch, rows]: the last ones of the mask's.</summary>
    private Value Places(Value mask)
    {
        var rows = graph.Size(tokens, axis: 1);
        var first = graph.ReduceSum(mask, axis: 1, keepDimension: true) - rows;
        return first + graph.Node("Range", [graph.Scalar(0L), graph.Squeeze(rows), graph.Scalar(1L)]);
    }

    private static void RefuseWhatDiffers(CheckpointConfig config)
    {
        int heads = config.Int("num_attention_heads"), keyValueHeads = config.Int("num_key_value_heads", absent: heads);
        if (heads % keyValueHeads != 0)
            throw config.Invalid("num_key_value_heads", $"num_attention_heads {heads} is no multiple of it");

        if (config.Has("head_dim") && config.Int("head_dim") % 2 != 0)
            throw config.Invalid("head_dim", "an even number is wanted");

        config.Only("use_sliding_window", false);
        config.Only("partial_rotary_factor", 1.0);
        if (config.Texts("layer_types").Any(t => t != "full_attention"))
            throw config.Invalid("layer_types", "only full_attention is supported");
    }
}
