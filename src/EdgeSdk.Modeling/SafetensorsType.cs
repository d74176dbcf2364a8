namespace EdgeSdk.Modeling;

/// <summary>Element types of a safetensors file that weights come in.</summary>
internal enum SafetensorsType
{
    F32,
    BF16,
    F16,

    /// <summary>Any other; such a tensor may lie in a file, but is not a weight that a graph can take.</summary>
    Other,
}

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name in the checkpoint.</param>
/// <param name="Type">Its element type.</param>
/// <param name="TypeName">The type as the file writes it.</param>
/// <param name="Shape">Its dimensions, the slowest first.</param>
/// <param name="Offset">Where its bytes begin in the file.</param>
/// <param name="Length">Bytes.</param>
internal sealed record SafetensorsTensor(string Name, SafetensorsType Type, string TypeName, IReadOnlyList<long> Shape, long Offset, long Length);
