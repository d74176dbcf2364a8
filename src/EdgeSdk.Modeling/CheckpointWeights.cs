using EdgeSdk.Onnx;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Modeling;

/// <summary>
/// A checkpoint's tensors as values of a graph. They stay in their file; what a graph wants otherwise (float32, transposed, several side by side) is
/// written as nodes over constants, which the runtime computes once at load and packs for its kernels.
/// </summary>
internal sealed class CheckpointWeights(GraphBuilder graph, Checkpoint checkpoint)
{
    public bool Has(string name) => checkpoint.Has(name);

    /// <summary>A vector in float32.</summary>
    public Value Vector(string name, int size) => Cast(Stored(name, size));

    /// <summary>Rows of a stored table [entries, width] in float32: only those that are looked up are converted.</summary>
    public Value Rows(Value indices, string name, int entries, int width)
    {
        var (table, type) = Stored(name, entries, width);
        return Cast((graph.Gather(table, indices), type));
    }

    /// <summary>x W^T for the stored weight [outputs, inputs] of a linear layer, with its bias where the checkpoint has one.</summary>
    public Value Linear(Value x, string layer, int outputs, int inputs)
    {
        var product = Product(x, $"{layer}.weight", outputs, inputs);
        return Has($"{layer}.bias") ? product + Vector($"{layer}.bias", outputs) : product;
    }

    /// <summary>x W^T for a stored weight.</summary>
    public Value Product(Value x, string weight, int outputs, int inputs) => graph.MatMul(x, graph.Transpose(Cast(Stored(weight, outputs, inputs)), 1, 0));

    /// <summary>x W^T, the rows of the stored weight (the outputs) in another order.</summary>
    public Value ProductReordered(Value x, string weight, int inputs, ReadOnlySpan<long> order)
    {
        var (stored, type) = Stored(weight, order.Length, inputs);
        return graph.MatMul(x, graph.Transpose(Cast((graph.Gather(stored, graph.Constant(order)), type)), 1, 0));
    }

    /// <summary>Linear layers of one input as one wide product: their outputs lie side by side.</summary>
    public Value LinearSideBySide(Value x, int inputs, params IReadOnlyList<(string Layer, int Outputs)> layers)
    {
        var weights = Stacked(0, [.. layers.Select(l => Stored($"{l.Layer}.weight", l.Outputs, inputs))]);
        var product = graph.MatMul(x, graph.Transpose(weights, 1, 0));
        if (!layers.Any(l => Has($"{l.Layer}.bias")))
            return product;

        return product + Stacked(0, [.. layers.Select(l => Stored($"{l.Layer}.bias", l.Outputs))]);
    }

    /// <summary>Sum of linear layers without bias, each of its own part of the input: the parts lie side by side in <paramref name="x"/>.</summary>
    public Value SumOfProducts(Value x, int outputs, params IReadOnlyList<(string Weight, int Inputs)> parts) =>
        graph.MatMul(x, graph.Transpose(Stacked(1, [.. parts.Select(p => Stored(p.Weight, outputs, p.Inputs))]), 1, 0));

    private (Value Value, SafetensorsType Type) Stored(string name, params ReadOnlySpan<long> shape)
    {
        var (tensor, file) = checkpoint.Find(name, shape);
        var type = tensor.Type switch
        {
            SafetensorsType.BF16 => DataType.Bfloat16,
            SafetensorsType.F16 => DataType.Float16,
            _ => DataType.Float,
        };
        return (graph.External(name, type, tensor.Shape, file, tensor.Offset, tensor.Length), tensor.Type);
    }

    private Value Stacked(long axis, IReadOnlyList<(Value Value, SafetensorsType Type)> parts)
    {
        if (parts.All(p => p.Type == parts[0].Type))
            return Cast((graph.Concat(axis, [.. parts.Select(p => p.Value)]), parts[0].Type));

        return graph.Concat(axis, [.. parts.Select(Cast)]);
    }

    private Value Cast((Value Value, SafetensorsType Type) stored) => stored.Type == SafetensorsType.F32 ? stored.Value : graph.Cast(stored.Value, DataType.Float);
}
