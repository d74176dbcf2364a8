using System.Runtime.InteropServices;

namespace EdgeSdk.Runtime;

/// <summary>Zeroed memory outside the garbage collector's heap, aligned to a cache line. Pages that nobody touches cost nothing.</summary>
internal sealed unsafe class NativeBlock : IDisposable
{
    /// <summary>Of every block, in bytes; tensors inside a block keep it too, so that kernels see the same alignment wherever a text lies.</summary>
    public const int Alignment = 64;

    private void* _allocation;

    public NativeBlock(long bytes)
    {
        Bytes = bytes;
        _allocation = NativeMemory.AllocZeroed(checked((nuint)bytes + Alignment));
        Address = ((nint)_allocation + Alignment - 1) & -Alignment;
    }

    ~NativeBlock() => Free();

    public long Bytes { get; }

    public nint Address { get; }

    public static long Align(long bytes) => (bytes + Alignment - 1) & -(long)Alignment;

    public Span<T> AsSpan<T>(int length)
        where T : unmanaged => new((void*)Address, length);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.Free(_allocation);
        _allocation = null;
    }
}
