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

    private readonly DecoderGraphBuilder _decoder;
    private readonly GraphBuilder _graph;
    private readonly CheckpointWeights _weights;
    private readonly DecoderSizes _sizes;
    private readonly bool _normalisesHeads, _rotatesInside;
    private readonly Value _tokens, _lastPlace, _capacity, _cos, _sin, _places;

    private GroupQueryDecoder(Checkpoint checkpoint)
    {
        RefuseWhatDiffers(checkpoint.Config);
        _decoder = new DecoderGraphBuilder(checkpoint, operatorSet: 21, irVersion: 10);
        (_graph, _weights, _sizes) = (_decoder.Graph, _decoder.Weights, _decoder.Sizes);
        _normalisesHeads = checkpoint.Config.Text("model_type") == "qwen3";

        _tokens = _decoder.Input("tokens", "input_ids", DataType.Int64, "batch_size", "sequence_length");
        var mask = _decoder.Input("mask", "attention_mask", DataType.Int64, "batch_size", "total_sequence_length");
        _lastPlace = _graph.Cast(_graph.ReduceSum(mask, axis: 1, keepDimension: false) - _graph.Constant(1), DataType.Int32);
        _capacity = _graph.Cast(_graph.Size(mask, axis: 1), DataType.Int32);
        (_cos, _sin) = RotaryEmbedding.Read(checkpoint.Config, _sizes.HeadSize).Tables(_graph, _sizes.Context);
        _rotatesInside = _sizes.HeadSize % RotatedHeadSize == 0;
        if (!_rotatesInside)
            _places = Places(mask);
    }

    /// <summary>The graph of a checkpoint.</summary>
    public static DecoderGraph Build(Checkpoint checkpoint)
    {
        var architecture = new GroupQueryDecoder(checkpoint);
        return architecture._decoder.Build(
            architecture._decoder.Embed(architecture._tokens),
            "batch_size",
            0..architecture._sizes.Layers,
            "model.norm.weight",
            givesHidden: false,
            architecture.Attention,
            (layer, x) => architecture._decoder.SwiGlu(x, $"model.layers.{layer}.mlp", architecture._sizes.Intermediate));
    }

    private Value Attention(int layer, Value x)
    {
        string name = $"model.layers.{layer}.self_attn";
        int queries = _sizes.Heads * _sizes.HeadSize, keys = _sizes.KeyValueHeads * _sizes.HeadSize;
        var packed = _weights.LinearSideBySide(x, _sizes.Hidden, ($"{name}.q_proj", queries), ($"{name}.k_proj", keys), ($"{name}.v_proj", keys));
        Value query = packed, key = default, value = default;
        if (_normalisesHeads || !_rotatesInside)
        {
            var parts = _graph.Split(packed, -1, queries, keys, keys);
            query = Prepare(parts[0], _sizes.Heads, $"{name}.q_norm.weight");
            key = Prepare(parts[1], _sizes.KeyValueHeads, $"{name}.k_norm.weight");
            value = parts[2];
        }

        var (inCos, inSin) = _rotatesInside ? (_cos, _sin) : default;
        var attended = _graph.GroupQueryAttention(
            query, key, value, Past("key", layer), Past("value", layer), _lastPlace, _capacity, inCos, inSin, _sizes.Heads, _sizes.KeyValueHeads);
        Present("key", layer, attended.PresentKey);
        Present("value", layer, attended.PresentValue);
        return _weights.Linear(attended.Output, $"{name}.o_proj", _sizes.Hidden, queries);
    }

    private Value Past(string kind, int layer) => _decoder.Past(kind, layer, "batch_size", _sizes.KeyValueHeads, "past_sequence_length", _sizes.HeadSize);

    private void Present(string kind, int layer, Value value) =>
        _decoder.Present(kind, layer, value, "batch_size", _sizes.KeyValueHeads, "total_sequence_length", _sizes.HeadSize);

    /// <summary>What queries and keys pass through before they meet.</summary>
    private Value Prepare(Value x, int heads, string scale)
    {
        if (_normalisesHeads)
        {
            var perHead = _graph.Reshape(x, 0, 0, heads, _sizes.HeadSize);
            var normed = _graph.RmsNorm(perHead, _weights.Vector(scale, _sizes.HeadSize), _sizes.Epsilon);
            x = _graph.Reshape(normed, 0, 0, heads * _sizes.HeadSize);
        }

        return _rotatesInside ? x : _graph.Rotate(x, _places, _cos, _sin, heads, _sizes.HeadSize, interleaved: false);
    }

    /// <summary>The rows' places, int64 [batch, rows]: the last ones of the mask's.</summary>
    private Value Places(Value mask)
    {
        var rows = _graph.Size(_tokens, axis: 1);
        var first = _graph.ReduceSum(mask, axis: 1, keepDimension: true) - rows;
        return first + _graph.Node("Range", [_graph.Scalar(0L), _graph.Squeeze(rows), _graph.Scalar(1L)]);
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
