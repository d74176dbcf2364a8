using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>The safetensors format: a JSON header of names, types, shapes and offsets, then the bytes.</summary>
internal static class Safetensors
{
    /// <summary>Writes float32 or bfloat16 tensors beside <paramref name="path"/> and renames, so that a reader never sees half a file.</summary>
    public static void Write(string path, IEnumerable<(string Name, Tensor Tensor)> tensors, ScalarType type, JsonObject? metadata = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var contents = tensors.OrderBy(t => t.Name, StringComparer.Ordinal)
            .Select(t => (t.Name, Tensor: t.Tensor.detach().to(type).contiguous())).ToArray();
        var header = new JsonObject { ["__metadata__"] = metadata ?? new JsonObject { ["format"] = "pt" } };
        long offset = 0;
        foreach (var (name, tensor) in contents)
        {
            long end = offset + tensor.bytes.Length;
            header[name] = new JsonObject
            {
                ["dtype"] = type == ScalarType.BFloat16 ? "BF16" : "F32",
                ["shape"] = new JsonArray([.. tensor.shape.Select(d => (JsonNode)d)]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        int padded = (json.Length + 7) / 8 * 8;
        using (FileStream file = File.Create(path + ".partial"))
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, padded);
            file.Write(length);
            file.Write(json);
            for (int i = json.Length; i < padded; i++) file.WriteByte((byte)' ');
            foreach (var (_, tensor) in contents) file.Write(tensor.bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".partial", path, overwrite: true);
    }

    /// <summary>Reads every tensor, as float32, and the metadata. The caller disposes the tensors.</summary>
    public static (Dictionary<string, Tensor> Tensors, JsonObject Metadata) Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int start = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        JsonObject header = JsonNode.Parse(bytes.AsSpan(8, start - 8))!.AsObject();
        var tensors = new Dictionary<string, Tensor>();
        foreach ((string name, JsonNode? entry) in header.Where(e => e.Key != "__metadata__"))
        {
            long[] shape = [.. entry!["shape"]!.AsArray().Select(d => (long)d!)];
            int begin = start + (int)entry["data_offsets"]![0]!, end = start + (int)entry["data_offsets"]![1]!;
            ScalarType type = (string)entry["dtype"]! == "BF16" ? ScalarType.BFloat16 : ScalarType.Float32;
            using Tensor stored = zeros(shape, dtype: type);
            stored.bytes = bytes.AsSpan(begin, end - begin);
            tensors[name] = stored.to(ScalarType.Float32, copy: true).DetachFromDisposeScope();
        }

        return (tensors, header["__metadata__"]?.DeepClone().AsObject() ?? []);
    }
}
