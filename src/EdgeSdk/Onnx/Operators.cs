using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Onnx;

/// <summary>The operators that decoders are made of, each as one call.</summary>
internal sealed partial class GraphBuilder
{
    public Value MatMul(Value a, Value b) => Node("MatMul", [a, b]);

    public Value Transpose(Value x, params long[] order) => Node("Transpose", [x], ("perm", order));

    /// <summary>0 in the shape keeps the dimension of <paramref name="x"/> at that place, -1 takes what is left.</summary>
    public Value Reshape(Value x, params ReadOnlySpan<long> shape) => Node("Reshape", [x, Constant(shape)]);

    public Value Unsqueeze(Value x, long axis) => Node("Unsqueeze", [x, Constant(axis)]);

    /// <summary>A vector of one as a number.</summary>
    public Value Squeeze(Value x) => Node("Squeeze", [x]);

    public Value Expand(Value x, Value shape) => Node("Expand", [x, shape]);

    public Value Concat(long axis, params ReadOnlySpan<Value> parts) => Node("Concat", parts, ("axis", axis));

    public Value[] Split(Value x, long axis, params ReadOnlySpan<long> sizes) => Node("", "Split", sizes.Length, [x, Constant(sizes)], ("axis", axis));

    /// <summary>From <paramref name="start"/>, a vector of one, to the end of the axis.</summary>
    public Value SliceFrom(Value x, Value start, long axis) => Node("Slice", [x, start, Constant(long.MaxValue), Constant(axis)]);

    public Value Gather(Value table, Value indices, long axis = 0) => Node("Gather", [table, indices], ("axis", axis));

    public Value Cast(Value x, DataType type) => Node("Cast", [x], ("to", (long)type));

    /// <summary>Size of one dimension, int64 [1].</summary>
    public Value Size(Value x, long axis) => Node("Shape", [x], ("start", axis), ("end", axis + 1));

    public Value Sigmoid(Value x) => Node("Sigmoid", [x]);

    public Value Cos(Value x) => Node("Cos", [x]);

    public Value Sin(Value x) => Node("Sin", [x]);

    public Value ReduceSum(Value x, long axis, bool keepDimension) => Node("ReduceSum", [x, Constant(axis)], ("keepdims", keepDimension ? 1 : 0));

    /// <summary>The largest <paramref name="count"/> of the last axis, and where they stand.</summary>
    public (Value Values, Value Indices) TopK(Value x, long count) =>
        Node("", "TopK", 2, [x, Constant(count)], ("axis", -1)) is [var values, var indices] ? (values, indices) : default;

    /// <summary>Ones at <paramref name="indices"/> along a new last axis.</summary>
    public Value OneHot(Value indices, long depth) => Node("OneHot", [indices, Constant(depth), Constant([0f, 1f], 2)], ("axis", -1));

    /// <summary>Appends <paramref name="count"/> times <paramref name="value"/> to the last of three axes.</summary>
    public Value PadLast(Value x, long count, float value) => Node("Pad", [x, Constant(0, 0, 0, 0, 0, count), Scalar(value)]);

    /// <summary>Writes rows of <paramref name="update"/> into a cache [batch, heads, capacity, size] at <paramref name="place"/> [batch], in place where it can.</summary>
    public Value TensorScatter(Value cache, Value update, Value place) => Node("TensorScatter", [cache, update, place], ("axis", -2));

    /// <summary>x sigmoid(x).</summary>
    public Value Silu(Value x) => Node(Microsoft, "QuickGelu", 1, [x], ("alpha", 1f))[0];

    /// <summary>x / sqrt(mean(x^2) + epsilon) * scale over the last axis.</summary>
    public Value RmsNorm(Value x, Value scale, float epsilon) =>
        Node("SimplifiedLayerNormalization", [x, scale], ("axis", -1), ("epsilon", epsilon), ("stash_type", 1));

    /// <summary>Adds <paramref name="x"/> to the residual stream and normalises the sum.</summary>
    public (Value Normed, Value Sum) AddRmsNorm(Value residual, Value x, Value scale, float epsilon)
    {
        var outputs = Node(Microsoft, "SkipSimplifiedLayerNormalization", 4, [residual, x, scale], ("epsilon", epsilon));
        _graph.Node[^1].Output[1] = _graph.Node[^1].Output[2] = ""; // mean and deviation: for training
        return (outputs[0], outputs[3]);
    }

    /// <summary>
    /// Causal attention whose key-value heads serve groups of query heads, with rotation and a cache [batch, heads, capacity, size] that past and present share.
    /// </summary>
    /// <param name="query">[batch, rows, heads * size]; without key and value: all three side by side.</param>
    /// <param name="key">[batch, rows, key-value heads * size].</param>
    /// <param name="value">The same.</param>
    /// <param name="pastKey">The cache before the pass.</param>
    /// <param name="pastValue">The same.</param>
    /// <param name="lastPlace">int32 [batch]: the place of the pass's last row.</param>
    /// <param name="capacity">int32 [1]: the length of the mask.</param>
    /// <param name="cos">Cosines [context, size / 2]; without them queries and keys come rotated.</param>
    /// <param name="sin">Sines.</param>
    /// <param name="heads">Query heads.</param>
    /// <param name="keyValueHeads">Key-value heads.</param>
    public (Value Output, Value PresentKey, Value PresentValue) GroupQueryAttention(
        Value query, Value key, Value value, Value pastKey, Value pastValue, Value lastPlace, Value capacity, Value cos, Value sin, int heads, int keyValueHeads)
    {
        var outputs = Node(
            Microsoft, "GroupQueryAttention", 3, [query, key, value, pastKey, pastValue, lastPlace, capacity, cos, sin],
            ("num_heads", heads), ("kv_num_heads", keyValueHeads), ("do_rotary", cos.Name is null ? 0 : 1));
        return (outputs[0], outputs[1], outputs[2]);
    }

    /// <summary>Rotates the first <paramref name="rotated"/> dimensions of each head.</summary>
    /// <param name="x">[batch, rows, heads * size].</param>
    /// <param name="places">int64 [batch, rows], or [1]: the place of the first row, from which the others count up.</param>
    /// <param name="cos">Cosines [context, rotated / 2].</param>
    /// <param name="sin">Sines.</param>
    /// <param name="heads">Heads that lie side by side in <paramref name="x"/>.</param>
    /// <param name="rotated">Dimensions, even.</param>
    /// <param name="interleaved">Pairs are (2i, 2i + 1), else (i, i + rotated / 2).</param>
    public Value Rotate(Value x, Value places, Value cos, Value sin, int heads, int rotated, bool interleaved) => Node(
        Microsoft, "RotaryEmbedding", 1, [x, places, cos, sin],
        ("num_heads", heads), ("rotary_embedding_dim", rotated), ("interleaved", interleaved ? 1 : 0))[0];

    /// <summary>
    /// Causal attention [batch, heads, rows, value size] over a cache [batch, heads, capacity, size] of which the first <paramref name="length"/> [batch] slots
    /// are filled, the pass's own rows last.
    /// </summary>
    public Value Attention(Value query, Value keys, Value values, Value length, float scale) =>
        Node("Attention", [query, keys, values, default, default, default, length], ("is_causal", 1), ("scale", scale));
}
