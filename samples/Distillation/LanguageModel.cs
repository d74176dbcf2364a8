using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>A decoder in training: hidden states of a batch, and the head that turns them into logits.</summary>
internal abstract class LanguageModel(Weights weights) : IDisposable
{
    /// <summary>The longest text, in tokens.</summary>
    public const int ContextLength = 3072;

    public Weights Weights { get; } = weights;

    /// <summary>The final normalised states, [batch, n, hidden], of ids [batch, n].</summary>
    public abstract Tensor Hidden(Tensor ids);

    /// <summary>Logits of any hidden states. Embedding and head are one matrix: so that a token that is read is a token that can be written.</summary>
    public Tensor Logits(Tensor hidden) => Weights.Linear(hidden, "model.embed_tokens.weight");

    /// <summary>The model's <c>config.json</c>.</summary>
    public abstract JsonObject Config { get; }

    /// <summary>What is written to disk: Hugging Face's names.</summary>
    public abstract IEnumerable<(string Name, Tensor Tensor)> Export();

    /// <summary>The same model for inference alone.</summary>
    public abstract LanguageModel Freeze();

    /// <summary>Called after each optimiser step.</summary>
    public virtual void AfterStep() { }

    /// <summary>
    /// A layer whose temporaries are freed when it ends, but for those that its gradient needs. .NET frees a tensor where a scope ends, and a step's scope
    /// is far too wide: the scores of one layer's attention take hundreds of megabytes.
    /// </summary>
    protected static Tensor Layer(Func<Tensor> layer)
    {
        using var scope = NewDisposeScope();
        return layer().MoveToOuterDisposeScope();
    }

    /// <summary>Embeddings of ids.</summary>
    protected Tensor Embed(Tensor ids) => Weights.Rows(Weights["model.embed_tokens.weight"], ids).to(ScalarType.Float32);

    public void Dispose() => Weights.Dispose();
}
