using EdgeSdk.Onnx;

namespace EdgeSdk.Tests.Onnx;

public class DecoderEditsTests
{
    [Theory]
    [InlineData("genai/llama-fp32")]
    [InlineData("genai/qwen2-fp32")]
    [InlineData("genai/qwen2-int4")]
    public void The_head_of_a_genai_graph_is_given_the_wanted_rows_alone(string folder)
    {
        var model = OnnxFile.Read(Assets.Data($"{folder}/model.onnx"));

        Assert.True(DecoderEdits.SliceBeforeHead(model, "logits"));

        var slice = Assert.Single(model.Graph.Node, n => n.OpType == "Slice" && n.Input[1] == DecoderEdits.FirstLogit);
        var head = Assert.Single(model.Graph.Node, n => n.Output.Contains("logits"));
        Assert.Equal(slice.Output[0], head.Input[0]);
        Assert.Contains(model.Graph.Input, i => i.Name == DecoderEdits.FirstLogit);
        Assert.Contains(model.Graph.Initializer, i => i.Name == DecoderEdits.FirstLogit);
    }

    [Fact]
    public void A_graph_that_ends_otherwise_is_left_as_it_is()
    {
        var model = OnnxFile.Read(Assets.Data("genai/qwen2-fp32/model.onnx"));
        model.Graph.Node.First(n => n.Output.Contains("logits")).OpType = "Softmax";
        var before = model.Clone();

        Assert.False(DecoderEdits.SliceBeforeHead(model, "logits"));

        Assert.Equal(before, model);
    }

    [Fact]
    public void Flat_scales_get_the_shape_of_their_embedding()
    {
        var model = OnnxFile.Read(Assets.Data("genai/qwen2-int4/model.onnx"));

        Assert.Equal(1, DecoderEdits.ShapeFlatScales(model));

        Assert.Equal([512, 2], model.Graph.Initializer.First(i => i.Name == "lm_head.MatMul.weight_scales").Dims);
        Assert.Equal(0, DecoderEdits.ShapeFlatScales(model));
    }
}
