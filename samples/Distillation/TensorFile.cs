using EdgeSdk.Modeling;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>Tensors of TorchSharp in safetensors files.</summary>
internal static class TensorFile
{
    /// <summary>Writes tensors in ordinal order of their names; a reader never sees half a file.</summary>
    public static void Write(
        string path,
        IEnumerable<(string Name, Tensor Tensor)> tensors,
        SafetensorsType type,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var values = tensors.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => (t.Name, (IReadOnlyList<long>)t.Tensor.shape, Values(t.Tensor)));
        SafetensorsWriter.Write(path, [.. values], type, metadata);
    }

    /// <summary>Reads every tensor, as float32, and the metadata. The caller disposes the tensors.</summary>
    public static (Dictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var tensors = file.Tensors.ToDictionary(
            t => t.Key,
            t => tensor(file.ReadSingles(t.Key), [.. t.Value.Shape]).DetachFromDisposeScope());
        return (tensors, file.Metadata);
    }

    private static ReadOnlyMemory<float> Values(Tensor tensor)
    {
        using Tensor plain = tensor.detach().contiguous();
        return plain.data<float>().ToArray();
    }
}
