using EdgeSdk.Onnx;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static EdgeSdk.Onnx.TensorProto.Types;

namespace EdgeSdk.Tests.Onnx;

public sealed class OnnxFileTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("edge-onnx-").FullName;

    private string Graph => Path.Combine(_root, "model.onnx");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void What_is_built_runs()
    {
        OnnxFile.Write(Sum().Build("test"), Graph);

        using var session = new InferenceSession(Graph);
        using var x = OrtValue.CreateTensorValueFromMemory([1f, 2], [2]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["x"], [x], ["y"]);

        Assert.Equal([11f, 22], outputs[0].GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void An_input_with_a_default_may_be_fed_or_not()
    {
        var graph = new GraphBuilder("slice", 21, 10);
        var x = graph.Input("x", DataType.Float, "n");
        graph.Output("y", graph.SliceFrom(x, graph.InputWithDefault("first", [0]), 0), DataType.Float, "rows");
        OnnxFile.Write(graph.Build("test"), Graph);

        using var session = new InferenceSession(Graph, new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR });
        using var value = OrtValue.CreateTensorValueFromMemory([1f, 2, 3], [3]);
        using var first = OrtValue.CreateTensorValueFromMemory([2L], [1]);
        using var run = new RunOptions();
        using var all = session.Run(run, ["x"], [value], ["y"]);
        using var last = session.Run(run, ["x", "first"], [value, first], ["y"]);

        Assert.Equal([1f, 2, 3], all[0].GetTensorDataAsSpan<float>().ToArray());
        Assert.Equal([3f], last[0].GetTensorDataAsSpan<float>().ToArray());
    }

    [Fact]
    public void Weights_are_read_from_any_offset_of_another_file()
    {
        float[] weights = [3, 4];
        using (var file = File.Create(Path.Combine(_root, "weights")))
        {
            file.Write("odd"u8);
            file.Write(System.Runtime.InteropServices.MemoryMarshal.AsBytes(weights.AsSpan()));
        }

        var graph = new GraphBuilder("external", 21, 10);
        var x = graph.Input("x", DataType.Float, 2);
        graph.Output("y", x * graph.External("w", DataType.Float, [2], "weights", 3, 8), DataType.Float, 2);
        OnnxFile.Write(graph.Build("test"), Graph);

        using var session = new InferenceSession(Graph);
        using var value = OrtValue.CreateTensorValueFromMemory([1f, 10], [2]);
        using var run = new RunOptions();
        using var outputs = session.Run(run, ["x"], [value], ["y"]);

        Assert.Equal([3f, 40], outputs[0].GetTensorDataAsSpan<float>().ToArray());
    }

    [Theory]
    [InlineData("../secret")]
    [InlineData("/proc/self/maps")]
    [InlineData("link")]
    public void The_runtime_reads_no_weights_from_outside_the_folder(string location)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_root, "model")).FullName;
        File.WriteAllBytes(Path.Combine(_root, "secret"), new byte[8]);
        File.CreateSymbolicLink(Path.Combine(folder, "link"), Path.Combine(_root, "secret"));
        var graph = new GraphBuilder("external", 21, 10);
        var x = graph.Input("x", DataType.Float, 2);
        graph.Output("y", x * graph.External("w", DataType.Float, [2], location, 0, 8), DataType.Float, 2);
        var model = graph.Build("test");
        string file = Path.Combine(folder, "model.onnx");
        OnnxFile.Write(model, file);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };

        Assert.Throws<OnnxRuntimeException>(() => new InferenceSession(file, options).Dispose());
        options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder);
        Assert.Throws<OnnxRuntimeException>(() => new InferenceSession(model.ToByteArray(), options).Dispose());
    }

    [Fact]
    public void Equal_constants_are_stored_once()
    {
        var graph = Sum();
        _ = graph.Constant(7, 8);
        _ = graph.Constant(7, 8);
        _ = graph.Constant(7);

        Assert.Equal(3, graph.Build("test").Graph.Initializer.Count);
    }

    [Theory]
    [InlineData("genai/qwen2-int4")]
    [InlineData("genai/llama-fp32")]
    public void What_others_wrote_is_written_again_without_a_loss(string folder)
    {
        var model = OnnxFile.Read(Assets.Data($"{folder}/model.onnx"));

        OnnxFile.Write(model, Graph);

        Assert.Equal(model, OnnxFile.Read(Graph));
    }

    [Fact]
    public void Fields_that_this_format_does_not_name_survive()
    {
        // Field 25 of a model: functions, which no graph here uses.
        byte[] functions = [(25 << 3 | 2) & 0x7F | 0x80, 25 << 3 >> 7, 3, 0x0A, 1, (byte)'f'];
        byte[] bytes = [.. Sum().Build("test").ToByteArray(), .. functions];
        File.WriteAllBytes(Graph, bytes);

        OnnxFile.Write(OnnxFile.Read(Graph), Graph);

        Assert.True(File.ReadAllBytes(Graph).AsSpan().IndexOf(functions) >= 0);
    }

    [Fact]
    public void A_file_cut_short_or_damaged_is_refused_or_read_but_never_fails_otherwise()
    {
        byte[] whole = File.ReadAllBytes(Assets.Data("genai/qwen2-int4/model.onnx"));
        const int seed = 8;
        var random = new Random(seed);
        int refused = 0;
        for (int run = 0; run < 400; run++)
        {
            byte[] damaged = [.. whole[..random.Next(whole.Length)]];
            if (run % 2 == 1)
            {
                damaged = [.. whole];
                damaged[random.Next(whole.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(Graph, damaged);
            try
            {
                OnnxFile.Read(Graph);
            }
            catch (EdgeException e)
            {
                Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
                Assert.Contains(Graph, e.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(refused > 150, $"seed {seed}: {refused} refused"); // nearly every cut, and some flips
    }

    [Fact]
    public void A_file_that_is_missing_or_empty_is_named()
    {
        Assert.Contains(Graph, Assert.Throws<EdgeException>(() => OnnxFile.Read(Graph)).Message, StringComparison.Ordinal);
        File.WriteAllText(Graph, "");
        Assert.Contains(Graph, Assert.Throws<EdgeException>(() => OnnxFile.Read(Graph)).Message, StringComparison.Ordinal);
        File.WriteAllText(Graph, "version https://git-lfs.github.com/spec/v1");
        Assert.Contains(Graph, Assert.Throws<EdgeException>(() => OnnxFile.Read(Graph)).Message, StringComparison.Ordinal);
    }

    private static GraphBuilder Sum()
    {
        var graph = new GraphBuilder("sum", 21, 10);
        var x = graph.Input("x", DataType.Float, 2);
        graph.Output("y", x + graph.Constant([10f, 20], 2), DataType.Float, 2);
        return graph;
    }
}
