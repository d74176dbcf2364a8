using EdgeSdk.Models;
using Microsoft.ML.OnnxRuntime;

namespace EdgeSdk.Tests.Modeling;

/// <summary>A decoder's graph run by ONNX Runtime alone: one sequence, its cache bound as past and present.</summary>
internal sealed class DecoderRun : IDisposable
{
    private readonly ModelFolder _folder;
    private readonly InferenceSession _session;
    private readonly int _capacity;
    private readonly RunOptions _runOptions = new();
    private readonly OrtValue[] _cache;

    public DecoderRun(ModelFolder folder, int capacity)
    {
        _folder = folder;
        _capacity = capacity;
        using var options = new SessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        _session = new InferenceSession(folder.GraphFile, options);
        _cache = [.. Enumerable.Range(0, 2 * folder.Layers).Select(i => Zeros(PastName(i)))];
    }

    /// <summary>Tokens taken in.</summary>
    public int Length { get; set; }

    /// <summary>Runs the tokens over what was taken in; the logits of the last <paramref name="logitRows"/> rows, [logitRows * vocabulary].</summary>
    public float[] Step(ReadOnlySpan<int> tokens, int logitRows = 1)
    {
        using var binding = _session.CreateIoBinding();
        var ids = OrtValue.CreateTensorValueFromMemory([.. tokens.ToArray().Select(t => (long)t)], [1, tokens.Length]);
        binding.BindInput(_folder.Inputs["tokens"], ids);
        if (_folder.Inputs.TryGetValue("mask", out string? mask))
        {
            var ones = new long[_capacity];
            ones.AsSpan(0, Length + tokens.Length).Fill(1);
            binding.BindInput(mask, OrtValue.CreateTensorValueFromMemory(ones, [1, _capacity]));
        }

        if (_folder.Inputs.TryGetValue("past_length", out string? pastLength))
            binding.BindInput(pastLength, OrtValue.CreateTensorValueFromMemory(new long[] { Length }, [1]));

        int rows = tokens.Length;
        if (_folder.Inputs.TryGetValue("first_logit", out string? firstLogit))
        {
            binding.BindInput(firstLogit, OrtValue.CreateTensorValueFromMemory(new long[] { tokens.Length - logitRows }, [1]));
            rows = logitRows;
        }

        var logits = new float[rows * _folder.Info.VocabularySize];
        binding.BindOutput(_folder.Outputs["logits"], OrtValue.CreateTensorValueFromMemory(logits, [1, rows, _folder.Info.VocabularySize]));
        for (int i = 0; i < _cache.Length; i++)
        {
            binding.BindInput(PastName(i), _cache[i]);
            binding.BindOutput(_folder.Outputs[$"present_{Kind(i)}.{i / 2}"], _cache[i]);
        }

        _session.RunWithBinding(_runOptions, binding);
        Length += tokens.Length;
        return logits[^(logitRows * _folder.Info.VocabularySize)..];
    }

    /// <summary>The most likely tokens, one after another.</summary>
    public int[] Greedy(ReadOnlySpan<int> prompt, int count)
    {
        var tokens = new int[count];
        var logits = Step(prompt);
        for (int i = 0; i < count; i++)
        {
            tokens[i] = logits.IndexOf(logits.Max());
            if (i + 1 < count)
                logits = Step([tokens[i]]);
        }

        return tokens;
    }

    public void Dispose()
    {
        foreach (var value in _cache)
            value.Dispose();

        _runOptions.Dispose();
        _session.Dispose();
    }

    private static string Kind(int i) => i % 2 == 0 ? "key" : "value";

    private string PastName(int i) => _folder.Inputs[$"past_{Kind(i)}.{i / 2}"];

    private OrtValue Zeros(string name)
    {
        long[] shape = [1, _session.InputMetadata[name].Dimensions[1], _capacity, _session.InputMetadata[name].Dimensions[3]];
        return OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate(1L, (a, b) => a * b)], shape);
    }
}
