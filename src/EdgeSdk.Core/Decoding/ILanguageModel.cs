using System.Collections.Immutable;
using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>
/// Anything that continues a sequence of tokens: a model on the device, the server's engine, a batch scheduler over one, a scripted table in a test.
/// What it can do is data (<see cref="Traits"/>), not a type. Logits never cross this seam: the engine selects, the caller describes how.
/// </summary>
/// <remarks>Thread-safe: sequences may be opened and stepped concurrently, each sequence by one caller at a time.</remarks>
public interface ILanguageModel : IAsyncDisposable
{
    /// <summary>What the model is.</summary>
    ModelInfo Info { get; }

    /// <summary>What the engine can do, and what its passes cost.</summary>
    StepTraits Traits { get; }

    /// <summary>Opens an empty sequence whose tokens are chosen by <paramref name="sampler"/>. The caller disposes it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A field of the sampler lies outside its range.</exception>
    ValueTask<ISequence> OpenAsync(SamplerSpec sampler, CancellationToken cancellationToken = default);
}

/// <summary>A text under way: its tokens so far and all state that depends on them.</summary>
/// <remarks>One caller at a time. A step that throws (cancelled, failed) leaves <see cref="Length"/> at its value before the step.</remarks>
public interface ISequence : IAsyncDisposable
{
    /// <summary>Tokens taken in so far, the prompt's included; the place of the next token.</summary>
    int Length { get; }

    /// <summary>
    /// Appends <paramref name="tokens"/> and chooses the successors of the last <c>picks.Length</c> of them: <c>picks[^1]</c> follows the whole text,
    /// <c>picks[0]</c> the text up to <c>tokens[^picks.Length]</c>. Each choice sees the text before it only, so tokens that were guesses are verified
    /// by comparing them with the picks. Empty <paramref name="picks"/>: take in only.
    /// </summary>
    /// <param name="tokens">At least one token, ids in [0, vocabulary size).</param>
    /// <param name="picks">At most as many as tokens, and at most <see cref="StepTraits.MaxStep"/>.</param>
    /// <param name="cancellationToken">Honoured within one forward pass (a chunk of a long prompt is one).</param>
    /// <exception cref="ContextOverflowException">The tokens do not fit into the model's context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id lies outside the vocabulary.</exception>
    ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default);

    /// <summary>Takes the text back to its first <paramref name="length"/> tokens (0 to <see cref="Length"/>).</summary>
    ValueTask RewindAsync(int length, CancellationToken cancellationToken = default);

    /// <summary>Chooses by another sampler from now on; the text stays, and the work that went into it. As if opened with that sampler.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A field of the sampler lies outside its range.</exception>
    void Resample(SamplerSpec sampler);
}

/// <summary>What a model is. The values come from its folder's <c>edge.json</c> where there is one.</summary>
/// <param name="Name">For people.</param>
/// <param name="Identity">SHA-256 (hex) over the model's files; equal identities give equal texts.</param>
/// <param name="VocabularyFingerprint">SHA-256 (hex) over the tokenizer's ids; null without a tokenizer. Equal fingerprints can decode together.</param>
/// <param name="VocabularySize">Ids are in [0, VocabularySize): the rows of the logits.</param>
/// <param name="ContextLength">The longest text in tokens, prompt included.</param>
/// <param name="EndTokens">Tokens that end a text.</param>
public sealed record ModelInfo(
    string Name,
    string Identity,
    string? VocabularyFingerprint,
    int VocabularySize,
    int ContextLength,
    ImmutableArray<int> EndTokens);

/// <summary>What an engine can do.</summary>
/// <param name="MaxStep">The most picks that one step may ask for.</param>
/// <param name="ExactFrom">The least rows of a pass from which a token's logits are bitwise the same whatever the pass's width; 0: never.
/// A verifier's model is loaded so that it never runs fewer.</param>
/// <param name="Cost">What a pass costs.</param>
public readonly record struct StepTraits(int MaxStep, int ExactFrom, StepCost Cost);

/// <summary>A sequence reached the end of the model's context.</summary>
public sealed class ContextOverflowException : InvalidOperationException
{
    /// <summary>Says how many tokens were asked for and how many fit.</summary>
    public ContextOverflowException(int wanted, int contextLength)
        : base($"The text would have {wanted} tokens; the model's context holds {contextLength}. Shorten the history or lower the output limit.")
    {
        Wanted = wanted;
        ContextLength = contextLength;
    }

    /// <summary>The length that was asked for, in tokens.</summary>
    public int Wanted { get; }

    /// <summary>The model's context, in tokens.</summary>
    public int ContextLength { get; }
}
