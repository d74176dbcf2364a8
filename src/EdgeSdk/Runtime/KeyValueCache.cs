using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace EdgeSdk.Runtime;

/// <summary>
/// The keys and values of one text, with all else that its passes read and write, bound to the session once for each shape of a pass:
/// a pass whose shape was seen before allocates nothing. Past and present are the same buffer, so taking a text back costs nothing.
/// </summary>
/// <remarks>One user at a time. Slots behind the text hold finite leftovers that no pass reads with a weight other than zero.</remarks>
internal sealed class KeyValueCache : IDisposable
{
    private const int MaxBindings = 128;

    private readonly DecoderSession graph;
    private readonly NativeBlock slots;
    private readonly OrtValue[] tensors;
    private readonly NativeBlock tokenIds, positions, mask, pastLength, firstLogit, logits;
    private readonly OrtValue maskValue, pastLengthValue, firstLogitValue;
    private readonly Dictionary<(int Rows, int LogitRows), PassBinding> bindings = [];
    private readonly RunOptions runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private int masked;

    /// <param name="graph">What the buffers are bound to.</param>
    /// <param name="capacity">Slots, in tokens.</param>
    /// <param name="maxRows">The most rows of a pass.</param>
    /// <param name="maxLogitRows">The most rows of a pass whose logits are computed.</param>
    public KeyValueCache(DecoderSession graph, int capacity, int maxRows, int maxLogitRows)
    {
        this.graph = graph;
        Capacity = capacity;
        Text = new int[capacity];
        slots = new NativeBlock(graph.Cache.Sum(t => SlotBytes(t, capacity)));
        tensors = new OrtValue[graph.Cache.Length];
        long offset = 0;
        for (int i = 0; i < tensors.Length; i++)
        {
            var tensor = graph.Cache[i];
            tensors[i] = View(slots, offset, TensorElementType.Float, sizeof(float), 1, tensor.Heads, capacity, tensor.HeadSize);
            offset += SlotBytes(tensor, capacity);
        }

        tokenIds = new NativeBlock((long)maxRows * sizeof(long));
        positions = new NativeBlock((long)maxRows * sizeof(long));
        logits = new NativeBlock((long)maxLogitRows * graph.VocabularySize * sizeof(float));
        mask = new NativeBlock((long)capacity * sizeof(long));
        maskValue = View(mask, 0, TensorElementType.Int64, sizeof(long), 1, capacity);
        pastLength = new NativeBlock(sizeof(long));
        pastLengthValue = View(pastLength, 0, TensorElementType.Int64, sizeof(long), 1);
        firstLogit = new NativeBlock(sizeof(long));
        firstLogitValue = View(firstLogit, 0, TensorElementType.Int64, sizeof(long), 1);
    }

    /// <summary>Slots, in tokens.</summary>
    public int Capacity { get; }

    /// <summary>The ids of the tokens in the slots; its user writes them before a pass reads them.</summary>
    public int[] Text { get; }

    /// <summary>Bytes of the keys and values.</summary>
    public long Bytes => slots.Bytes;

    /// <summary>
    /// Runs <see cref="Text"/>[<paramref name="place"/> .. <paramref name="place"/> + <paramref name="rows"/>] through the decoder over the slots before it.
    /// </summary>
    /// <returns>The logits of the last <paramref name="logitRows"/> rows, [logitRows, vocabulary]; they hold until the next pass.</returns>
    /// <exception cref="EdgeException">The engine failed.</exception>
    public ReadOnlySpan<float> Run(int place, int rows, int logitRows, CancellationToken cancellationToken)
    {
        int computed = graph.FirstLogit is null ? rows : logitRows;
        var binding = Binding(rows, computed);
        Write(place, rows, computed);

        var registration = cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, runOptions);
        try
        {
            graph.Session.RunWithBinding(runOptions, binding.Io);
        }
        catch (OnnxRuntimeException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new EdgeException(EdgeErrorCode.Engine, $"{graph.File}: a pass over {rows} tokens at place {place} failed: {e.Message}", e);
        }
        finally
        {
            registration.Dispose(); // waits for a callback under way, so that none can touch the next pass
            if (cancellationToken.IsCancellationRequested)
                runOptions.Terminate = false;
        }

        int vocabulary = graph.VocabularySize;
        return logits.AsSpan<float>(computed * vocabulary)[((computed - logitRows) * vocabulary)..];
    }

    /// <summary>Takes over the first <paramref name="length"/> tokens of <paramref name="other"/>, a cache of the same graph.</summary>
    public void CopyFrom(KeyValueCache other, int length)
    {
        other.Text.AsSpan(0, length).CopyTo(Text);
        long from = other.slots.Address, to = slots.Address;
        foreach (var tensor in graph.Cache)
        {
            CopyHeads(from, other.Capacity, to, Capacity, tensor, length);
            from += SlotBytes(tensor, other.Capacity);
            to += SlotBytes(tensor, Capacity);
        }
    }

    public void Dispose()
    {
        ClearBindings();
        runOptions.Dispose();
        foreach (var value in (ReadOnlySpan<OrtValue>)[.. tensors, maskValue, pastLengthValue, firstLogitValue])
            value.Dispose();
        foreach (var block in (ReadOnlySpan<NativeBlock>)[slots, tokenIds, positions, mask, pastLength, firstLogit, logits])
            block.Dispose();
    }

    private static long SlotBytes(CacheTensor tensor, int capacity) =>
        NativeBlock.Align((long)tensor.Heads * capacity * tensor.HeadSize * sizeof(float));

    private static unsafe void CopyHeads(long from, int fromCapacity, long to, int toCapacity, CacheTensor tensor, int length)
    {
        long bytes = (long)length * tensor.HeadSize * sizeof(float);
        for (int head = 0; head < tensor.Heads; head++)
        {
            long fromHead = from + (long)head * fromCapacity * tensor.HeadSize * sizeof(float);
            long toHead = to + (long)head * toCapacity * tensor.HeadSize * sizeof(float);
            Buffer.MemoryCopy((void*)fromHead, (void*)toHead, bytes, bytes);
        }
    }

    private static OrtValue View(NativeBlock block, long offset, TensorElementType type, int elementBytes, params long[] shape)
    {
        long bytes = elementBytes;
        foreach (long dimension in shape)
            bytes *= dimension;

        return OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, type, shape, block.Address + (nint)offset, bytes);
    }

    private void Write(int place, int rows, int logitRows)
    {
        var ids = tokenIds.AsSpan<long>(rows);
        var at = positions.AsSpan<long>(rows);
        for (int i = 0; i < rows; i++)
        {
            ids[i] = Text[place + i];
            at[i] = place + i;
        }

        int end = place + rows;
        var ones = mask.AsSpan<long>(Capacity);
        if (end > masked)
            ones[masked..end].Fill(1);
        else
            ones[end..masked].Clear();

        masked = end;
        pastLength.AsSpan<long>(1)[0] = place;
        firstLogit.AsSpan<long>(1)[0] = rows - logitRows;
    }

    private PassBinding Binding(int rows, int logitRows)
    {
        if (bindings.TryGetValue((rows, logitRows), out var binding))
            return binding;

        if (bindings.Count == MaxBindings)
            ClearBindings();

        binding = Bind(rows, logitRows);
        bindings.Add((rows, logitRows), binding);
        return binding;
    }

    private PassBinding Bind(int rows, int logitRows)
    {
        var io = graph.Session.CreateIoBinding();
        var ids = View(tokenIds, 0, TensorElementType.Int64, sizeof(long), 1, rows);
        var at = View(positions, 0, TensorElementType.Int64, sizeof(long), 1, rows);
        var rowLogits = View(logits, 0, TensorElementType.Float, sizeof(float), 1, logitRows, graph.VocabularySize);
        BindInput(io, graph.Tokens, ids);
        BindInput(io, graph.Positions, at);
        BindInput(io, graph.Mask, maskValue);
        BindInput(io, graph.PastLength, pastLengthValue);
        BindInput(io, graph.FirstLogit, firstLogitValue);
        io.BindOutput(graph.Logits, rowLogits);
        for (int i = 0; i < tensors.Length; i++)
        {
            io.BindInput(graph.Cache[i].Past, tensors[i]);
            io.BindOutput(graph.Cache[i].Present, tensors[i]);
        }

        return new PassBinding(io, ids, at, rowLogits);
    }

    private static void BindInput(OrtIoBinding io, string? name, OrtValue value)
    {
        if (name is not null)
            io.BindInput(name, value);
    }

    private void ClearBindings()
    {
        foreach (var binding in bindings.Values)
            binding.Dispose();

        bindings.Clear();
    }

    /// <summary>One shape of a pass, bound.</summary>
    private sealed record PassBinding(OrtIoBinding Io, OrtValue Tokens, OrtValue Positions, OrtValue Logits) : IDisposable
    {
        public void Dispose()
        {
            Io.Dispose();
            Tokens.Dispose();
            Positions.Dispose();
            Logits.Dispose();
        }
    }
}
