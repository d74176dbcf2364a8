using Google.Protobuf;
using static EdgeSdk.Onnx.AttributeProto.Types;

namespace EdgeSdk.Onnx;

/// <summary>A value of a graph under construction: an input, an initializer, or what a node computes. Its operators add nodes.</summary>
internal readonly record struct Value(GraphBuilder Graph, string Name)
{
    public static Value operator +(Value a, Value b) => a.Graph.Node("Add", [a, b]);

    public static Value operator -(Value a, Value b) => a.Graph.Node("Sub", [a, b]);

    public static Value operator *(Value a, Value b) => a.Graph.Node("Mul", [a, b]);

    public static Value operator /(Value a, Value b) => a.Graph.Node("Div", [a, b]);
}

/// <summary>One dimension of a value's shape: a size, or a name for one that varies.</summary>
internal readonly record struct Dimension(long Size, string? Name)
{
    public static implicit operator Dimension(long size) => new(size, null);

    public static implicit operator Dimension(string name) => new(0, name);

    public TensorShapeProto.Types.Dimension ToProto() => Name is null ? new() { DimValue = Size } : new() { DimParam = Name };
}

/// <summary>A node's attribute, written as a pair: <c>("axis", 1)</c>.</summary>
internal readonly record struct NodeAttribute(AttributeProto Proto)
{
    public static implicit operator NodeAttribute((string Name, long Value) pair) =>
        new(new AttributeProto { Name = pair.Name, Type = AttributeType.Int, I = pair.Value });

    public static implicit operator NodeAttribute((string Name, float Value) pair) =>
        new(new AttributeProto { Name = pair.Name, Type = AttributeType.Float, F = pair.Value });

    public static implicit operator NodeAttribute((string Name, string Value) pair) =>
        new(new AttributeProto { Name = pair.Name, Type = AttributeType.String, S = ByteString.CopyFromUtf8(pair.Value) });

    public static implicit operator NodeAttribute((string Name, long[] Values) pair) =>
        new(new AttributeProto { Name = pair.Name, Type = AttributeType.Ints, Ints = { pair.Values } });
}
