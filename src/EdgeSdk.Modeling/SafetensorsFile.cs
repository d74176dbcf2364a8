using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace EdgeSdk.Modeling;

/// <summary>
/// A safetensors file, read: eight bytes with the header's length (little-endian), the header as JSON, the tensors' bytes. The header is checked whole
/// before anything is read by it: every tensor's bytes lie in the file, fit its shape and type, and follow one another without hole or overlap.
/// </summary>
/// <remarks>The format: huggingface/safetensors, README. Reads are positional, so threads may share an open file.</remarks>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>The reference implementation's limit.</summary>
    private const long MaxHeaderBytes = 100_000_000;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        ReadHeader();
    }

    /// <summary>Where the file lies.</summary>
    public string Path { get; }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>The header's free text fields.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file and checks its header. The caller disposes it.</summary>
    /// <exception cref="EdgeException">The file is missing or not what it should be.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, options: FileOptions.RandomAccess);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} cannot be opened: {e.Message} Download the checkpoint again.", e);
        }

        try
        {
            return new SafetensorsFile(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's values in float32, in the order of its shape.</summary>
    /// <exception cref="EdgeException">There is no such tensor, or it is of a type that holds no weights.</exception>
    public float[] ReadSingles(string name)
    {
        if (!_tensors.TryGetValue(name, out var tensor))
            throw Invalid($"has no tensor '{name}'");

        if (tensor.Type == SafetensorsType.Other)
            throw Invalid($"tensor '{name}' is {tensor.TypeName}; F32, BF16 and F16 are read");

        var bytes = new byte[tensor.Length];
        ReadExactly(bytes, tensor.Offset);
        if (tensor.Type == SafetensorsType.F32)
            return MemoryMarshal.Cast<byte, float>(bytes).ToArray();

        var values = new float[tensor.Length / 2];
        if (tensor.Type == SafetensorsType.F16)
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), values);
        else
            WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(bytes), values);
        return values;
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>A bfloat16 is the upper half of a float32.</summary>
    private static void WidenBFloat16(ReadOnlySpan<ushort> halves, Span<float> values)
    {
        for (int i = 0; i < halves.Length; i++)
            values[i] = BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
    }

    private void ReadHeader()
    {
        long fileBytes = RandomAccess.GetLength(_handle);
        if (fileBytes < 8)
            throw Invalid($"has {fileBytes} bytes, too few for a header");

        Span<byte> prefix = stackalloc byte[8];
        ReadExactly(prefix, 0);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerBytes > MaxHeaderBytes || headerBytes > (ulong)(fileBytes - 8))
            throw Invalid($"says that its header has {headerBytes} bytes; the file has {fileBytes} (a header at most {MaxHeaderBytes})");

        var header = new byte[headerBytes];
        ReadExactly(header, 8);
        try
        {
            ParseHeader(header, 8 + (long)headerBytes);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or DecoderFallbackException)
        {
            throw Invalid($"has a header that is not as the format says: {e.Message}", e);
        }

        CheckLayout(8 + (long)headerBytes, fileBytes);
    }

    private void ParseHeader(ReadOnlySpan<byte> json, long dataStart)
    {
        var reader = new Utf8JsonReader(json);
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            bool isNew = name == "__metadata__" ? ReadMetadata(ref reader) : _tensors.TryAdd(name, ReadTensor(ref reader, name, dataStart));
            if (!isNew)
                throw Invalid($"names '{name}' twice");
        }

        while (reader.Read())
        {
            // what follows the header's object is white space, or the reader throws
        }
    }

    private bool ReadMetadata(ref Utf8JsonReader reader)
    {
        bool isNew = _metadata.Count == 0;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            _metadata[key] = reader.GetString()!;
        }

        return isNew;
    }

    private SafetensorsTensor ReadTensor(ref Utf8JsonReader reader, string name, long dataStart)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            switch (reader.GetString())
            {
                case "dtype":
                    Expect(ref reader, JsonTokenType.String);
                    type = reader.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, name);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref reader, name);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Invalid($"tensor '{name}' lacks a dtype, a shape or two data_offsets");

        if (end < begin)
            throw Invalid($"tensor '{name}' has data_offsets [{begin}, {end}], which run backwards");

        CheckSize(name, type, shape, end - begin);
        return new SafetensorsTensor(name, Known(type), type, shape, dataStart + begin, end - begin);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            if (!reader.TryGetInt64(out long number) || number is < 0 or > long.MaxValue / 16)
                throw Invalid($"tensor '{name}' has a dimension or an offset that is no number of elements or bytes");

            numbers.Add(number);
        }

        return reader.TokenType == JsonTokenType.EndArray ? numbers : throw Invalid($"tensor '{name}' has a list that holds more than numbers");
    }

    private void CheckSize(string name, string type, List<long> shape, long bytes)
    {
        int bits = ElementBits(type);
        if (bits == 0)
            return;

        UInt128 wanted = (uint)bits;
        foreach (long dimension in shape)
        {
            wanted *= (ulong)dimension;
            if (wanted > long.MaxValue)
                throw Invalid($"tensor '{name}' has the shape [{string.Join(", ", shape)}], too large for any file");
        }

        if (wanted != (UInt128)bytes * 8)
            throw Invalid($"tensor '{name}' of type {type} and shape [{string.Join(", ", shape)}] wants {wanted / 8} bytes; its data_offsets hold {bytes}");
    }

    private void CheckLayout(long dataStart, long fileBytes)
    {
        long place = dataStart;
        foreach (var tensor in _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.Length))
        {
            if (tensor.Offset != place)
                throw Invalid($"tensor '{tensor.Name}' begins at byte {tensor.Offset} where {place} follows the tensor before it");

            place += tensor.Length;
        }

        if (place != fileBytes)
            throw Invalid($"has {fileBytes} bytes; its header wants {place}");
    }

    private static SafetensorsType Known(string type) => type switch
    {
        "F32" => SafetensorsType.F32,
        "BF16" => SafetensorsType.BF16,
        "F16" => SafetensorsType.F16,
        _ => SafetensorsType.Other,
    };

    /// <summary>Bits of an element; 0 for a type that is newer than this reader.</summary>
    private static int ElementBits(string type) => type switch
    {
        "F64" or "I64" or "U64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 8,
        _ => 0,
    };

    private void Expect(ref Utf8JsonReader reader, JsonTokenType type)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw Invalid($"has a header with {reader.TokenType} at byte {reader.TokenStartIndex} where {type} is wanted");
    }

    private void ReadExactly(Span<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            int read = RandomAccess.Read(_handle, bytes, offset);
            if (read == 0)
                throw Invalid($"ends at byte {offset}");

            bytes = bytes[read..];
            offset += read;
        }
    }

    private EdgeException Invalid(string what, Exception? inner = null) =>
        new(EdgeErrorCode.InvalidModel, $"{Path} {what}. Download or write the checkpoint again.", inner);
}
