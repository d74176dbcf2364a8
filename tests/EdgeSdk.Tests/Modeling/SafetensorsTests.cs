using System.Buffers.Binary;
using System.Text;
using EdgeSdk.Modeling;

namespace EdgeSdk.Tests.Modeling;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _file = Path.Combine(Path.GetTempPath(), $"edge-{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void What_is_written_as_float32_is_read_back_bit_for_bit()
    {
        float[] values = [0, -0f, 1, float.MaxValue, float.Epsilon, float.NaN];
        SafetensorsWriter.Write(_file, [("a", [2, 3], values), ("b", [], new[] { 7f }), ("c", [0, 4], default)], SafetensorsType.F32);

        using var read = SafetensorsFile.Open(_file);

        Assert.Equal(values.Select(BitConverter.SingleToUInt32Bits), read.ReadSingles("a").Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal([7f], read.ReadSingles("b"));
        Assert.Empty(read.ReadSingles("c"));
        Assert.Equal([2L, 3], read.Tensors["a"].Shape);
        Assert.Equal("pt", read.Metadata["format"]);
    }

    [Fact]
    public void Bfloat16_is_rounded_to_the_nearest_and_ties_to_even()
    {
        float[] values = [1, 1.00390625f, 1.01171875f, 1.0040f, float.PositiveInfinity, float.NaN];
        SafetensorsWriter.Write(_file, [("a", [6], values)], SafetensorsType.BF16);

        using var read = SafetensorsFile.Open(_file);

        Assert.Equal([1, 1, 1.015625f, 1.0078125f, float.PositiveInfinity, float.NaN], read.ReadSingles("a"));
        Assert.Equal(12, read.Tensors["a"].Length);
    }

    [Fact]
    public void Tensors_begin_at_a_multiple_of_eight_bytes()
    {
        SafetensorsWriter.Write(_file, [("odd name", [1], new[] { 1f })], SafetensorsType.F32);

        using var read = SafetensorsFile.Open(_file);

        Assert.Equal(0, read.Tensors["odd name"].Offset % 8);
    }

    [Fact]
    public void The_golden_checkpoints_are_read()
    {
        using var read = SafetensorsFile.Open(Assets.Data("hf/qwen3/model.safetensors"));

        Assert.Equal([512L, 64], read.Tensors["model.embed_tokens.weight"].Shape);
        Assert.Equal(512 * 64, read.ReadSingles("model.embed_tokens.weight").Length);
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused()
    {
        SafetensorsWriter.Write(_file, [("a", [4], new float[4])], SafetensorsType.F32);
        byte[] whole = File.ReadAllBytes(_file);
        for (int length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(_file, whole[..length]);
            AssertRefused();
        }
    }

    [Fact]
    public void A_file_with_bytes_behind_its_tensors_is_refused()
    {
        SafetensorsWriter.Write(_file, [("a", [1], new float[1])], SafetensorsType.F32);
        File.AppendAllText(_file, "x");
        AssertRefused();
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6)] // overlap
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 12)] // hole
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4)] // too small for its shape
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0)] // 2^64 elements
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", 4)]
    [InlineData("""{"a":[]}""", 0)]
    [InlineData("""["a"]""", 0)]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} {}""", 4)]
    [InlineData("", 0)]
    public void A_header_that_lies_is_refused(string header, int dataBytes)
    {
        WriteRaw(header, dataBytes);
        AssertRefused();
    }

    [Fact]
    public void A_header_longer_than_the_file_is_refused_before_it_is_read()
    {
        var bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ulong.MaxValue);
        File.WriteAllBytes(_file, bytes);
        AssertRefused();
    }

    [Fact]
    public void A_type_that_is_newer_than_the_reader_is_let_through_but_not_read_as_weights()
    {
        WriteRaw("""{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}""", 1);

        using var read = SafetensorsFile.Open(_file);

        Assert.Contains("F4", Assert.Throws<EdgeException>(() => read.ReadSingles("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_with_a_flipped_byte_is_refused_or_read_within_the_file()
    {
        SafetensorsWriter.Write(_file, [("a", [4], new float[4]), ("b", [2], new float[2])], SafetensorsType.BF16);
        byte[] whole = File.ReadAllBytes(_file);
        const int seed = 20;
        var random = new Random(seed);
        for (int run = 0; run < 500; run++)
        {
            byte[] damaged = [.. whole];
            damaged[random.Next(whole.Length - 12)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(_file, damaged);
            try
            {
                using var read = SafetensorsFile.Open(_file);
                Assert.All(read.Tensors.Values, t => Assert.True(t.Offset + t.Length <= whole.Length, $"seed {seed}, run {run}"));
            }
            catch (EdgeException e)
            {
                Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
            }
        }
    }

    [Fact]
    public void A_failed_write_leaves_what_was_there()
    {
        File.WriteAllText(_file, "before");

        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_file, [("a", [2], new float[1])], SafetensorsType.F32));

        Assert.Equal("before", File.ReadAllText(_file));
        Assert.False(File.Exists(_file + ".partial"));
    }

    private void AssertRefused()
    {
        var e = Assert.Throws<EdgeException>(() => SafetensorsFile.Open(_file));
        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(_file, e.Message, StringComparison.Ordinal);
    }

    private void WriteRaw(string header, int dataBytes)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        File.WriteAllBytes(_file, bytes);
    }
}
