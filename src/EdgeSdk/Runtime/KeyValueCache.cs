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

    private readonly DecoderSession _graph;
    private readonly NativeBlock _slots;
    private readonly OrtValue[] _tensors;
    private readonly NativeBlock _tokenIds, _positions, _mask, _pastLength, _firstLogit, _logits;
    private readonly OrtValue _maskValue, _pastLengthValue, _firstLogitValue;
    private readonly Dictionary<(int Rows, int LogitRows), PassBinding> _bindings = [];
    private readonly RunOptions _runOptions = new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
    private int _masked;

    /// <param name="graph">What the buffers are bound to.</param>
    /// <param name="capacity">Slots, in tokens.</param>
    /// <param name="maxRows">The most rows of a pass.</param>
    /// <param name="maxLogitRows">The most rows of a pass whose logits are computed.</param>
    public KeyValueCache(DecoderSession graph, int capacity, int maxRows, int maxLogitRows)
    {
        _graph = graph;
        Capacity = capacity;
        Text = new int[capacity];
        _slots = new NativeBlock(graph.Cache.Sum(t => SlotBytes(t, capacity)));
        _tensors = new OrtValue[graph.Cache.Length];
        long offset = 0;
        for (int i = 0; i < _tensors.Length; i++)
        {
            var tensor = graph.Cache[i];
            _tensors[i] = View(_slots, offset, TensorElementType.Float, sizeof(float), 1, tensor.Heads, capacity, tensor.HeadSize);
            offset += SlotBytes(tensor, capacity);
        }

        _tokenIds = new NativeBlock((long)maxRows * sizeof(long));
        _positions = new NativeBlock((long)maxRows * sizeof(long));
        _logits = new NativeBlock((long)maxLogitRows * graph.VocabularySize * sizeof(float));
        _mask = new NativeBlock((long)capacity * sizeof(long));
        _maskValue = View(_mask, 0, TensorElementType.Int64, sizeof(long), 1, capacity);
        _pastLength = new NativeBlock(sizeof(long));
        _pastLengthValue = View(_pastLength, 0, TensorElementType.Int64, sizeof(long), 1);
        _firstLogit = new NativeBlock(sizeof(long));
        _firstLogitValue = View(_firstLogit, 0, TensorElementType.Int64, sizeof(long), 1);
    }

    /// <summary>Slots, in tokens.</summary>
    public int Capacity { get; }

    /// <summary>The ids of the tokens in the slots; its user writes them before a pass reads them.</summary>
    public int[] Text { get; }

    /// <summary>Bytes of the keys and values.</summary>
    public long Bytes => _slots.Bytes;

    /// <summary>
    /// Runs <see cref="Text"/>[<paramref name="place"/> .. <paramref name="place"/> + <paramref name="rows"/>] through the decoder over the slots before it.
    /// </summary>
    /// <returns>The logits of the last <paramref name="logitRows"/> rows, [logitRows, vocabulary]; they hold until the next pass.</returns>
    /// <exception cref="EdgeException">The engine failed.</exception>
    public ReadOnlySpan<float> Run(int place, int rows, int logitRows, CancellationToken cancellationToken)
    {
        int computed = _graph.FirstLogit is null ? rows : logitRows;
        var binding = Binding(rows, computed);
        Write(place, rows, computed);

        var registration = cancellationToken.UnsafeRegister(static options => ((RunOptions)options!).Terminate = true, _runOptions);
        try
        {
            _graph.Session.RunWithBinding(_runOptions, binding.Io);
        }
        catch (OnnxRuntimeException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new EdgeException(EdgeErrorCode.Engine, $"{_graph.File}: a pass over {rows} tokens at place {place} failed: {e.Message}", e);
        }
        finally
        {
            registration.Dispose(); // waits for a callback under way, so that none can touch the next pass
            if (cancellationToken.IsCancellationRequested)
                _runOptions.Terminate = false;
        }

        int vocabulary = _graph.VocabularySize;
        return _logits.AsSpan<float>(computed * vocabulary)[((computed - logitRows) * vocabulary)..];
    }

    /// <summary>Takes over the first <paramref name="length"/> tokens of <paramref name="other"/>, a cache of the same graph.</summary>
    public void CopyFrom(KeyValueCache other, int length)
    {
        other.Text.AsSpan(0, length).CopyTo(Text);
        long from = other._slots.Address, to = _slots.Address;
        foreach (var tensor in _graph.Cache)
        {
            CopyHeads(from, other.Capacity, to, Capacity, tensor, length);
            from += SlotBytes(tensor, other.Capacity);
            to += SlotBytes(tensor, Capacity);
        }
    }

    public void Dispose()
    {
        ClearBindings();
        _runOptions.Dispose();
        foreach (var value in (ReadOnlySpan<OrtValue>)[.. _tensors, _maskValue, _pastLengthValue, _firstLogitValue])
            value.Dispose();
        foreach (var block in (ReadOnlySpan<NativeBlock>)[_slots, _tokenIds, _positions, _mask, _pastLength, _firstLogit, _logits])
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
        var ids = _tokenIds.AsSpan<long>(rows);
        var at = _positions.AsSpan<long>(rows);
        for (int i = 0; i < rows; i++)
        {
            ids[i] = Text[place + i];
            at[i] = place + i;
        }

        int end = place + rows;
        var ones = _mask.AsSpan<long>(Capacity);
        if (end > _masked)
            ones[_masked..end].Fill(1);
        else
            ones[end.._masked].Clear();

        _masked = end;
        _pastLength.AsSpan<long>(1)[0] = place;
        _firstLogit.AsSpan<long>(1)[0] = rows - logitRows;
    }

    private PassBinding Binding(int rows, int logitRows)
    {
        if (_bindings.TryGetValue((rows, logitRows), out var binding))
            return binding;

        if (_bindings.Count == MaxBindings)
            ClearBindings();

        binding = Bind(rows, logitRows);
        _bindings.Add((rows, logitRows), binding);
        return binding;
    }

    private PassBinding Bind(int rows, int logitRows)
    {
        var io = _graph.Session.CreateIoBinding();
        var ids = View(_tokenIds, 0, TensorElementType.Int64, sizeof(long), 1, rows);
        var at = View(_positions, 0, TensorElementType.Int64, sizeof(long), 1, rows);
        var rowLogits = View(_logits, 0, TensorElementType.Float, sizeof(float), 1, logitRows, _graph.VocabularySize);
        BindInput(io, _graph.Tokens, ids);
        BindInput(io, _graph.Positions, at);
        BindInput(io, _graph.Mask, _maskValue);
        BindInput(io, _graph.PastLength, _pastLengthValue);
        BindInput(io, _graph.FirstLogit, _firstLogitValue);
        io.BindOutput(_graph.Logits, rowLogits);
        for (int i = 0; i < _tensors.Length; i++)
        {
            io.BindInput(_graph.Cache[i].Past, _tensors[i]);
            io.BindOutput(_graph.Cache[i].Present, _tensors[i]);
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
        foreach (var binding in _bindings.Values)
            binding.Dispose();

        _bindings.Clear();
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
