using System.Runtime.InteropServices;
using Google.Protobuf;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Onnx;

/// <summary>What a decoder's graph that others exported needs before it is loaded.</summary>
internal static class DecoderEdits
{
    /// <summary>The input that <see cref="SliceBeforeHead"/> adds.</summary>
    public const string FirstLogit = "first_logit";

    /// <summary>Operators between the head's product and the logits that treat every row alone: casts, scales, soft caps.</summary>
    private static readonly HashSet<string> RowWise = ["Cast", "Mul", "Div", "Tanh"];

    /// <summary>
    /// Adds the input <see cref="FirstLogit"/>, int64 [1], 0 where nobody feeds it: the head computes the rows from there to the end alone. Logits of every
    /// row of a prompt cost a large part of its time, and with large vocabularies hundreds of megabytes.
    /// </summary>
    /// <returns>Whether it was done: the graph is left as it is where its logits are not a product of the rows with a matrix.</returns>
    public static bool SliceBeforeHead(ModelProto model, string logits)
    {
        var graph = model.Graph;
        var path = PathToHead(graph, logits);
        bool taken = graph.Input.Any(i => i.Name == FirstLogit) || graph.Initializer.Any(i => i.Name == FirstLogit);
        if (path.Count == 0 || taken || model.OpsetImport.FirstOrDefault(o => o.Domain is "" or "ai.onnx")?.Version is null or < 10)
            return false;

        var head = path[^1];
        graph.Initializer.Add(Int64(FirstLogit, 0));
        graph.Initializer.Add(Int64("first_logit.end", long.MaxValue));
        graph.Initializer.Add(Int64("first_logit.axis", -2));
        graph.Input.Add(new ValueInfoProto
        {
            Name = FirstLogit,
            Type = new() { TensorType = new() { ElemType = (int)DataType.Int64, Shape = new() { Dim = { new TensorShapeProto.Types.Dimension { DimValue = 1 } } } } },
        });
        graph.Node.Insert(graph.Node.IndexOf(head), new NodeProto
        {
            Name = "first_logit.slice",
            OpType = "Slice",
            Input = { head.Input[0], FirstLogit, "first_logit.end", "first_logit.axis" },
            Output = { "first_logit.rows" },
        });
        head.Input[0] = "first_logit.rows";
        ForgetRows(graph, path, logits);
        return true;
    }

    /// <summary>
    /// Mends embeddings whose scales an exporter stored flat: GatherBlockQuantized wants as many dimensions as its data has, [rows, blocks of a row].
    /// </summary>
    /// <returns>How many were mended.</returns>
    public static int ShapeFlatScales(ModelProto model)
    {
        var graph = model.Graph;
        var initializers = graph.Initializer.ToDictionary(i => i.Name);
        int mended = 0;
        foreach (var node in graph.Node.Where(n => n.OpType == "GatherBlockQuantized"))
        {
            // Inputs: data (a head's own weights reshaped, where the two are tied), indices, scales, and zero points where there are any.
            string data = graph.Node.FirstOrDefault(n => n.OpType == "Reshape" && n.Output[0] == node.Input[0])?.Input[0] ?? node.Input[0];
            if (!initializers.TryGetValue(data, out var weights) || weights.Dims.Count < 2)
                continue;

            foreach (var name in node.Input.Skip(2))
            {
                if (initializers.TryGetValue(name, out var flat) && flat.Dims.Count == 1 && flat.Dims[0] % weights.Dims[0] == 0)
                {
                    flat.Dims.Add(flat.Dims[0] / weights.Dims[0]);
                    flat.Dims[0] = weights.Dims[0];
                    Forget(graph, v => v == name);
                    mended++;
                }
            }
        }

        return mended;
    }

    /// <summary>The nodes from the logits back to the head's product, which comes last; none where the graph ends otherwise.</summary>
    private static List<NodeProto> PathToHead(GraphProto graph, string logits)
    {
        var constants = graph.Initializer.Select(i => i.Name).Concat(graph.Node.Where(n => n.OpType == "Constant").Select(n => n.Output[0])).ToHashSet();
        var path = new List<NodeProto>();
        for (string value = logits; ;)
        {
            var node = graph.Node.FirstOrDefault(n => n.Output.Contains(value));
            if (node is null)
                return [];

            path.Add(node);
            if (node.OpType is "MatMul" or "MatMulNBits")
                return path;

            string[] varying = [.. node.Input.Where(i => !constants.Contains(i))];
            if (!RowWise.Contains(node.OpType) || varying.Length != 1)
                return [];

            value = varying[0];
        }
    }

    /// <summary>Takes away what the graph says of the number of rows behind the slice.</summary>
    private static void ForgetRows(GraphProto graph, List<NodeProto> path, string logits)
    {
        var behind = path.SelectMany(n => n.Output).ToHashSet();
        Forget(graph, behind.Contains);
        var shape = graph.Output.First(o => o.Name == logits).Type.TensorType.Shape;
        if (shape is { Dim.Count: >= 2 })
            shape.Dim[^2] = new() { DimParam = "logit_rows" };
    }

    /// <summary>Takes away what the graph says of the shapes of some values; the runtime infers them anew.</summary>
    private static void Forget(GraphProto graph, Func<string, bool> values)
    {
        foreach (var stale in graph.ValueInfo.Where(v => values(v.Name)).ToArray())
            graph.ValueInfo.Remove(stale);
    }

    private static TensorProto Int64(string name, long value) => new()
    {
        Name = name,
        DataType = (int)DataType.Int64,
        Dims = { 1 },
        RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in value))),
    };
}
