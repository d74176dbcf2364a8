using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Onnx;

/// <summary>
/// Builds a graph by calls that read like the model's formulas: values in, values out, a node for each call. Nodes are named by the scope that they were
/// made in (<c>layers.0/attention/MatMul_3</c>); equal constants are stored once.
/// </summary>
internal sealed partial class GraphBuilder
{
    /// <summary>The domain of ONNX Runtime's own operators.</summary>
    private const string Microsoft = "com.microsoft";

    private readonly GraphProto _graph;
    private readonly int _irVersion, _operatorSet;
    private readonly Dictionary<string, Value> _constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _outputNames = new(StringComparer.Ordinal);
    private readonly HashSet<string> _initializers = new(StringComparer.Ordinal);
    private string _scope = "";

    /// <param name="name">The graph's name.</param>
    /// <param name="operatorSet">The version of ONNX's operators.</param>
    /// <param name="irVersion">The version of the file format, at least the one that came with the operators.</param>
    public GraphBuilder(string name, int operatorSet, int irVersion)
    {
        _graph = new GraphProto { Name = name };
        _operatorSet = operatorSet;
        _irVersion = irVersion;
    }

    /// <summary>Nodes made until the scope is disposed carry its name before theirs.</summary>
    public Scoped Scope(string name)
    {
        string outer = _scope;
        _scope = $"{_scope}{name}/";
        return new Scoped(this, outer);
    }

    /// <summary>Declares an input.</summary>
    public Value Input(string name, DataType type, params ReadOnlySpan<Dimension> shape)
    {
        _graph.Input.Add(Info(name, type, shape));
        return new Value(this, name);
    }

    /// <summary>Declares an input that has a value where the caller feeds none.</summary>
    public Value InputWithDefault(string name, ReadOnlySpan<long> value)
    {
        _graph.Initializer.Add(Tensor(name, DataType.Int64, [value.Length], MemoryMarshal.AsBytes(value)));
        return Input(name, DataType.Int64, value.Length);
    }

    /// <summary>Declares <paramref name="value"/> an output under a name of its own.</summary>
    public void Output(string name, Value value, DataType type, params ReadOnlySpan<Dimension> shape)
    {
        _outputNames.Add(value.Name, name);
        _graph.Output.Add(Info(name, type, shape));
    }

    /// <summary>A constant vector.</summary>
    public Value Constant(params ReadOnlySpan<long> values) => Constant(DataType.Int64, [values.Length], MemoryMarshal.AsBytes(values));

    /// <summary>A constant of the given shape.</summary>
    public Value Constant(ReadOnlySpan<float> values, params ReadOnlySpan<long> shape) => Constant(DataType.Float, shape, MemoryMarshal.AsBytes(values));

    /// <summary>A constant number.</summary>
    public Value Scalar(float value) => Constant([value], []);

    /// <summary>A constant number.</summary>
    public Value Scalar(long value) => Constant(DataType.Int64, [], MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value)));

    /// <summary>An initializer whose bytes lie in another file of the model's folder, declared once however often it is asked for.</summary>
    /// <param name="name">Its name in the graph.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="shape">Its dimensions.</param>
    /// <param name="file">The file, relative to the model.</param>
    /// <param name="offset">Where its bytes begin.</param>
    /// <param name="length">How many they are.</param>
    public Value External(string name, DataType type, IEnumerable<long> shape, string file, long offset, long length)
    {
        if (_initializers.Add(name))
        {
            _graph.Initializer.Add(new TensorProto
            {
                Name = name,
                DataType = (int)type,
                Dims = { shape },
                DataLocation = DataLocation.External,
                ExternalData =
                {
                    new StringStringEntryProto { Key = "location", Value = file },
                    new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) },
                    new StringStringEntryProto { Key = "length", Value = length.ToString(CultureInfo.InvariantCulture) },
                },
            });
        }

        return new Value(this, name);
    }

    /// <summary>Adds a node of one output from ONNX's own operators.</summary>
    public Value Node(string op, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes) => Node("", op, 1, inputs, attributes)[0];

    /// <summary>Adds a node. A default <see cref="Value"/> among the inputs is one that the node does without.</summary>
    public Value[] Node(string domain, string op, int outputs, ReadOnlySpan<Value> inputs, params ReadOnlySpan<NodeAttribute> attributes)
    {
        string name = $"{_scope}{op}_{_graph.Node.Count}";
        var node = new NodeProto { Name = name, OpType = op, Domain = domain };
        foreach (var input in inputs)
            node.Input.Add(input.Name ?? "");

        foreach (var attribute in attributes)
            node.Attribute.Add(attribute.Proto);

        var values = new Value[outputs];
        for (int i = 0; i < outputs; i++)
        {
            values[i] = new Value(this, i == 0 ? name : $"{name}:{i}");
            node.Output.Add(values[i].Name);
        }

        _graph.Node.Add(node);
        return values;
    }

    /// <summary>The finished model.</summary>
    public ModelProto Build(string producer)
    {
        foreach (var node in _graph.Node)
        {
            Rename(node.Input);
            Rename(node.Output);
        }

        return new ModelProto
        {
            IrVersion = _irVersion,
            ProducerName = producer,
            Graph = _graph,
            OpsetImport =
            {
                new OperatorSetIdProto { Domain = "", Version = _operatorSet },
                new OperatorSetIdProto { Domain = Microsoft, Version = 1 },
            },
        };
    }

    private void Rename(Google.Protobuf.Collections.RepeatedField<string> names)
    {
        for (int i = 0; i < names.Count; i++)
        {
            if (_outputNames.TryGetValue(names[i], out string? name))
                names[i] = name;
        }
    }

    private Value Constant(DataType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> bytes)
    {
        string key = $"{type} {string.Join(',', shape.ToArray())} {Convert.ToBase64String(bytes)}";
        if (_constants.TryGetValue(key, out var known))
            return known;

        string name = $"constant_{_constants.Count}";
        _graph.Initializer.Add(Tensor(name, type, shape, bytes));
        return _constants[key] = new Value(this, name);
    }

    private static TensorProto Tensor(string name, DataType type, ReadOnlySpan<long> shape, ReadOnlySpan<byte> bytes) =>
        new() { Name = name, DataType = (int)type, Dims = { shape.ToArray() }, RawData = ByteString.CopyFrom(bytes) };

    private static ValueInfoProto Info(string name, DataType type, ReadOnlySpan<Dimension> shape)
    {
        var dimensions = new TensorShapeProto();
        foreach (var dimension in shape)
            dimensions.Dim.Add(dimension.ToProto());

        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = dimensions } } };
    }

    /// <summary>Takes the builder back to the outer scope.</summary>
    internal readonly ref struct Scoped(GraphBuilder builder, string outer)
    {
        public void Dispose() => builder._scope = outer;
    }
}
