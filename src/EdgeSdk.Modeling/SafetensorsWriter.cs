using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace EdgeSdk.Modeling;

/// <summary>Writes a checkpoint's tensors as one safetensors file.</summary>
internal static class SafetensorsWriter
{
    private const int ChunkElements = 64 * 1024;

    /// <summary>
    /// Writes <paramref name="tensors"/> in their order as <paramref name="type"/>, beside <paramref name="path"/>, and renames: a reader never sees half
    /// a file, and a failure leaves what was there.
    /// </summary>
    /// <param name="path">The file; one that exists is replaced.</param>
    /// <param name="tensors">Names (all different), shapes, and values in the order of the shape.</param>
    /// <param name="type"><see cref="SafetensorsType.F32"/> or <see cref="SafetensorsType.BF16"/> (rounded to the nearest, ties to even).</param>
    /// <param name="metadata">Free text fields of the header; null says what PyTorch's writer says.</param>
    /// <exception cref="ArgumentException">A tensor has not as many values as its shape says, or the type is another one.</exception>
    public static void Write(
        string path,
        IReadOnlyList<(string Name, IReadOnlyList<long> Shape, ReadOnlyMemory<float> Values)> tensors,
        SafetensorsType type,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (type is not (SafetensorsType.F32 or SafetensorsType.BF16))
            throw new ArgumentException($"{type} is not written; F32 and BF16 are.", nameof(type));

        byte[] header = Header(tensors, type, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        string partial = path + ".partial";
        try
        {
            using (var file = File.Create(partial))
            {
                WriteHeader(file, header);
                foreach (var tensor in tensors)
                    WriteValues(file, tensor.Values.Span, type);

                file.Flush(flushToDisk: true);
            }

            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }

    private static byte[] Header(
        IReadOnlyList<(string Name, IReadOnlyList<long> Shape, ReadOnlyMemory<float> Values)> tensors,
        SafetensorsType type,
        IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);

            json.WriteEndObject();
            long offset = 0;
            foreach (var (name, shape, values) in tensors)
            {
                if (shape.Aggregate(1L, (product, dimension) => checked(product * dimension)) != values.Length)
                    throw new ArgumentException($"Tensor '{name}' has {values.Length} values; its shape is [{string.Join(", ", shape)}].", nameof(tensors));

                long end = offset + (long)values.Length * (type == SafetensorsType.F32 ? 4 : 2);
                WriteTensor(json, name, shape, type, offset, end);
                offset = end;
            }

            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static void WriteTensor(Utf8JsonWriter json, string name, IReadOnlyList<long> shape, SafetensorsType type, long begin, long end)
    {
        json.WriteStartObject(name);
        json.WriteString("dtype", type == SafetensorsType.F32 ? "F32" : "BF16");
        json.WriteStartArray("shape");
        foreach (long dimension in shape)
            json.WriteNumberValue(dimension);

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Spaces pad the header, so that the tensors begin at a multiple of eight bytes.</summary>
    private static void WriteHeader(FileStream file, byte[] header)
    {
        int padding = (8 - header.Length % 8) % 8;
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length + padding);
        file.Write(length);
        file.Write(header);
        file.Write("       "u8[..padding]);
    }

    private static void WriteValues(FileStream file, ReadOnlySpan<float> values, SafetensorsType type)
    {
        if (type == SafetensorsType.F32)
        {
            for (; !values.IsEmpty; values = values[Math.Min(ChunkElements, values.Length)..])
                file.Write(MemoryMarshal.AsBytes(values[..Math.Min(ChunkElements, values.Length)]));

            return;
        }

        var halves = new ushort[Math.Min(ChunkElements, values.Length)];
        while (!values.IsEmpty)
        {
            int count = Math.Min(halves.Length, values.Length);
            for (int i = 0; i < count; i++)
                halves[i] = RoundToBFloat16(values[i]);

            file.Write(MemoryMarshal.AsBytes(halves.AsSpan(0, count)));
            values = values[count..];
        }
    }

    /// <summary>The upper half of the bits after rounding to the nearest, ties to even; a NaN stays one.</summary>
    private static ushort RoundToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
