using EdgeSdk.Models;
using Microsoft.ML.OnnxRuntime;

namespace EdgeSdk.Tests.Modeling;

/// <summary>A decoder's graph run by ONNX Runtime alone: one sequence, its cache bound as past and present.</summary>
internal sealed class DecoderRun : IDisposable
{
    private readonly ModelFolder folder;
    private readonly InferenceSession session;
    private readonly int capacity;
    private readonly RunOptions runOptions = new();
    private readonly OrtValue[] cache;

    public DecoderRun(ModelFolder folder, int capacity)
    {
        this.folder = folder;
        this.capacity = capacity;
        using var options = new SessionOptions { IntraOpNumThreads = 2, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        session = new InferenceSession(folder.GraphFile, options);
        cache = [.. Enumerable.Range(0, 2 * folder.Layers).Select(i => Zeros(PastName(i)))];
    }

    /// <summary>Tokens taken in.</summary>
    public int Length { get; set; }

    /// <summary>Runs the tokens over what was taken in; the logits of the last <paramref name="logitRows"/> rows, [logitRows * vocabulary].</summary>
    public float[] Step(ReadOnlySpan<int> tokens, int logitRows = 1)
    {
        using var binding = session.CreateIoBinding();
        var ids = OrtValue.CreateTensorValueFromMemory([.. tokens.ToArray().Select(t => (long)t)], [1, tokens.Length]);
        binding.BindInput(folder.Inputs["tokens"], ids);
        if (folder.Inputs.TryGetValue("mask", out string? mask))
        {
            var ones = new long[capacity];
            ones.AsSpan(0, Length + tokens.Length).Fill(1);
            binding.BindInput(mask, OrtValue.CreateTensorValueFromMemory(ones, [1, capacity]));
        }

        if (folder.Inputs.TryGetValue("past_length", out string? pastLength))
            binding.BindInput(pastLength, OrtValue.CreateTensorValueFromMemory(new long[] { Length }, [1]));

        int rows = tokens.Length;
        if (folder.Inputs.TryGetValue("first_logit", out string? firstLogit))
        {
            binding.BindInput(firstLogit, OrtValue.CreateTensorValueFromMemory(new long[] { tokens.Length - logitRows }, [1]));
            rows = logitRows;
        }

        var logits = new float[rows * folder.Info.VocabularySize];
        binding.BindOutput(folder.Outputs["logits"], OrtValue.CreateTensorValueFromMemory(logits, [1, rows, folder.Info.VocabularySize]));
        for (int i = 0; i < cache.Length; i++)
        {
            binding.BindInput(PastName(i), cache[i]);
            binding.BindOutput(folder.Outputs[$"present_{Kind(i)}.{i / 2}"], cache[i]);
        }

        session.RunWithBinding(runOptions, binding);
        Length += tokens.Length;
        return logits[^(logitRows * folder.Info.VocabularySize)..];
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
        foreach (var value in cache)
            value.Dispose();

        runOptions.Dispose();
        session.Dispose();
    }

    private static string Kind(int i) => i % 2 == 0 ? "key" : "value";

    private string PastName(int i) => folder.Inputs[$"past_{Kind(i)}.{i / 2}"];

    private OrtValue Zeros(string name)
    {
        long[] shape = [1, session.InputMetadata[name].Dimensions[1], capacity, session.InputMetadata[name].Dimensions[3]];
        return OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate(1L, (a, b) => a * b)], shape);
    }
}
